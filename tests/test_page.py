"""The page of a design: needs nothing else, draws every diagram, and shows real runs of both models."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from data_integration_architect.artifacts.page import page
from data_integration_architect.artifacts.svg import diagram_svg
from data_integration_architect.files import parse_text
from data_integration_architect.given import Given
from data_integration_architect.modelcheck import Bounds, Step, follow, questions
from data_integration_architect.topology import Topology, load_topology, normalize
from data_integration_architect.use_cases import generate_design
from support import ROOT

EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if ".evidence." not in p.name)
VOID = {"meta", "br", "hr", "img"}


def topology_of(text: str) -> Topology:
    return normalize(load_topology(parse_text(text, "t.yaml"))).topology


def design_of(path):
    return generate_design(Given(path.read_text(encoding="utf-8"), path.name), "default")


class Balanced(HTMLParser):
    """Refuses pages whose elements do not close in turn, and collects what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "srcset", "data", "action"} and not str(value).startswith("#"):
                self.loads.append(str(value))
            assert not name.startswith("on"), name

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def checked_page(text: str) -> None:
    reader = Balanced()
    reader.feed(text)
    assert not reader.open and not reader.loads
    assert "<script" not in text and "@import" not in text and "url(http" not in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_page_needs_nothing_else_and_draws_every_diagram(path) -> None:
    design = design_of(path)
    text = page(design.document, topology_of(design.topology), design.checks)
    checked_page(text)
    assert text.count("<svg") == design.document.count("```mermaid")
    assert "mermaid" not in text and "-HERE" not in text
    for svg in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        root = ElementTree.fromstring(svg)
        assert len(list(root.iter())) > 8, "nothing is drawn"
        if "<title>Data flow</title>" in svg:
            assert size_of(svg)[0] <= 1200, "a map of components that the page would cut"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_schedule_breaks_no_target_that_holds(path) -> None:
    """What the search saw hold in every run within the bounds holds in this one; the runs are those of two models."""
    design = design_of(path)
    target = topology_of(design.topology)
    for check in design.checks:
        today = check.today
        asked = [q for q in questions(target) if (q.property, q.target, q.entity) == (
            today.property, today.target, today.entity)]  # fmt: skip
        if not asked or not today.trace or check.target is None:
            continue
        schedule = [Step(s.actor, "", s.to, s.text, s.fault) for s in today.trace]
        b = today.bounds
        bounds = Bounds(b.writes, b.keys, b.partitions, b.instances, b.retries, b.faults, b.states)
        followed = follow(target, asked[0], schedule, bounds)
        if check.target.verdict != "holds":
            continue
        assert followed is not None and followed.holds, (today.property, today.target)
        for place, step in zip(followed.counterparts, schedule, strict=True):
            if place is not None:
                assert followed.steps[place].is_fault == step.is_fault
                assert followed.steps[place].actor.split(" worker")[0] == step.actor.split(" worker")[0]


def test_a_run_of_today_breaks_today_again_under_its_own_schedule() -> None:
    """The follower on the very system that failed finds the same failure: it adds nothing that would heal it."""
    path = ROOT / "examples" / "online-retailer.yaml"
    today = topology_of(path.read_text(encoding="utf-8"))
    broken = [c.today for c in design_of(path).checks if c.today.property == "convergence" and not c.today.assumed]
    assert len(broken) == 3
    for check in broken:
        asked = next(q for q in questions(today) if (q.property, q.target, q.entity) == (
            check.property, check.target, check.entity))  # fmt: skip
        schedule = [Step(s.actor, "", s.to, s.text, s.fault) for s in check.trace]
        followed = follow(today, asked, schedule, Bounds(writes=2, faults=1))
        assert followed is not None and not followed.holds
        assert [followed.steps[n].text for n in followed.counterparts if n is not None] == [s.text for s in schedule]


def test_the_page_shows_the_lost_update_beside_the_target_without_it() -> None:
    design = design_of(ROOT / "examples" / "online-retailer.yaml")
    text = page(design.document, topology_of(design.topology), design.checks)
    beside = text[text.index('class="beside"') :]
    beside = beside[: beside.index("</details>")]
    assert "search: inventory write 2 → inventory write 1" in beside
    assert beside.count("no such step") == 2, "the application no longer writes the index"
    assert "refused: not newer than what is stored" in beside and "convergence of search (inventory) holds" in beside


def test_hostile_names_stay_text() -> None:
    name = '</script><img src=x onerror=alert(1)>"]); end %% #quot;'
    text = (ROOT / "examples" / "online-retailer.yaml").read_text(encoding="utf-8")
    text = text.replace("warehouse", f"'{name}'").replace("system: Online retailer", f"system: '{name}'")
    design = generate_design(Given(text, "t.yaml"), "default")
    made = page(design.document, topology_of(design.topology), design.checks)
    checked_page(made)
    assert "<img" not in made


def test_a_sequence_has_a_column_for_each_element_and_a_row_for_each_step() -> None:
    text = (
        "sequenceDiagram\n  participant p0 as shop #35;1\n  participant p1 as db\n  p0->>p1: write a #60;b#62;\n"
        "  note right of p1: db: nothing -#62; a\n  note over p0: shop crashes\n  p1->>p1: ends\n"
    )
    root = ElementTree.fromstring(diagram_svg(text, "Run"))
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"shop #1", "db", "write a <b>", "db: nothing → a", "shop crashes", "ends"} == set(words)


def test_a_long_chain_goes_down_instead_of_out_of_the_page() -> None:
    nodes = "".join(f'    n{i}["store number {i} of the chain"]\n' for i in range(9))
    edges = "".join(f'    n{i} -->|"writes the entity"| n{i + 1}\n' for i in range(8))
    width, height = size_of(diagram_svg(f"flowchart LR\n{nodes}{edges}", "Data flow"))
    assert width <= 400 and height > 9 * 46
    boxes = re.findall(
        r'<rect class="box \w+" x="([\d.]+)" y="([\d.]+)"', diagram_svg(f"flowchart LR\n{nodes}{edges}", "")
    )
    assert len({x for x, _ in boxes}) == 1 and [float(y) for _, y in boxes] == sorted(float(y) for _, y in boxes)


def size_of(svg: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert found
    return float(found[1]), float(found[2])
