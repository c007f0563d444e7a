"""Renderers: golden files, widths and colours, and a corpus of hostile names through every one of them."""

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from data_integration_architect import use_cases
from data_integration_architect.explain import explain
from data_integration_architect.given import Given
from data_integration_architect.renderers import mermaid, text
from data_integration_architect.renderers.markdown import escape, explanation_markdown, review_markdown
from data_integration_architect.renderers.sarif import LEVELS, review_sarif, uri
from data_integration_architect.renderers.sections import VIEWS
from data_integration_architect.results import Changes, Review
from golden_files import assert_golden
from sample_review import sample_review, sample_topology
from support import ROOT, read_yaml
from token_count import token_count

ANSI = re.compile(r"\x1b\[[0-9;]*m")
SHORT = (
    text.short_review,
    text.short_classification,
    text.short_antipatterns,
    text.short_propagation,
    text.short_order_check,
)
HOSTILE = (
    "a`b``c", "``", "`x`", "a|b", "a\\|b", "<script>alert(1)</script>", "<!-- x", "&lt;", "&#x41;", "[x](javascript:1)",
    "![x](http://example.com)", "](x", "*b* _i_ __u__ ~~s~~", "# h", "- item", "1. one", "---", "> quote", "```", "~~~",
    "$x$", "@all", "https://example.com", "www.example.com", "%%{init: {'theme': 'x'}}%%", "%% comment", "end",
    'a"b', "a#quot;b", "a;b", "]) --> n0", "n0:::c", "click n0 href", "{0} {{1}} }", "\\", "a\\", "'; DROP TABLE x; --",
    "a\nb", "a\r\n\r\n# h", "a\tb", "a\u2028b", "\x1b[31mred", "\x1b]0;title\x07", "\u202eevil", "\u2066x", "\x00",
    "\x7f", "Ω≈ç", "日本語", "🙂", "x" * 199, " lead", "trail ", "$(id)", "${x}",
)  # fmt: skip
HOSTILE_IDS = [ascii(name)[:30] for name in HOSTILE]
# What a file can say: one with a NUL character is refused.
SAYABLE = [name for name in HOSTILE if "\0" not in name]
SAYABLE_IDS = [ascii(name)[:30] for name in SAYABLE]


@pytest.fixture
def review() -> Review:
    return sample_review()


def test_golden_text(review):
    assert_golden("review.txt", text.review_text(review, "shop.yaml"))
    assert_golden("review-80-colour.txt", text.review_text(review, "shop.yaml", width=80, colour=True))


def test_golden_markdown(review):
    diagram = mermaid.component_map(sample_topology())
    assert_golden("review.md", review_markdown(review, "shop.yaml", diagram))


def test_golden_sarif(review):
    log = json.loads(review_sarif(review, "shop.yaml"))
    # Texts of rules come from the knowledge, which has tests of its own.
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        for key in ("shortDescription", "fullDescription", "help"):
            assert rule.pop(key)["text"]
        assert rule.pop("helpUri").startswith("https://")
    assert_golden("review.sarif.json", json.dumps(log, indent=2) + "\n")


def test_golden_diagrams():
    topology = sample_topology()
    charts = [mermaid.component_map(topology)]
    charts += [draw(topology, "product") for draw in (mermaid.write_path, mermaid.read_path)]
    assert_golden("diagrams.mmd", "\n".join(charts))


def test_golden_short_texts(review):
    assert_golden("short.txt", "\n\n".join(f"## {short.__name__}\n{short(review)}" for short in SHORT) + "\n")


@pytest.mark.parametrize("width", [80, 93, 120])
def test_text_keeps_to_its_width_and_colour_changes_nothing_else(review, width):
    plain = text.review_text(review, "shop.yaml", width)
    coloured = text.review_text(review, "shop.yaml", width, colour=True)
    assert ANSI.sub("", coloured) == plain != coloured
    assert max(map(len, plain.splitlines())) <= width
    assert not any(line != line.rstrip() for line in plain.splitlines())


def test_text_width_is_bounded(review):
    assert text.review_text(review, "f", 10) == text.review_text(review, "f", text.NARROWEST)
    assert text.review_text(review, "f", 500) == text.review_text(review, "f", text.WIDEST)


def test_a_table_without_room_for_its_last_column_becomes_a_list():
    wide = sample_review("a-store-with-quite-a-long-name-as-generated-ones-have")
    shown = text.review_text(wide, "f", 80, builds=VIEWS["check-ordering"])
    assert "order needed: per-key (product_id); satisfied: no, given none:" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


def test_every_view_shows_its_sections_and_no_others(review):
    whole = text.review_text(review, "f")
    for verb, builds in VIEWS.items():
        shown = text.review_text(review, "f", builds=builds)
        assert ("\nOrdering\n" in shown) == (verb in {"review", "check-ordering"})
        assert ("\nFindings\n" in shown) == (verb in {"review", "detect-antipatterns"})
        assert ("\nFlows\n" in shown) == (verb in {"review", "classify-topology"})
        assert ("\nRecommendations\n" in shown) == (verb in {"review", "recommend-propagation"})
        # The title and the closing line apart, a view is a part of the review.
        for block in shown.split("\n\n"):
            assert block.rstrip("\n") in whole


def test_what_is_said_where_nothing_was_found(review):
    clean = review.model_copy(update={"findings": (), "symptoms": (), "questions": (), "unexplained_symptoms": ()})
    shown = text.review_text(clean, "f")
    assert "Findings\n  none" in shown
    assert "0 findings, 1 recommendation\n" in shown
    assert "Symptoms" not in shown and "Questions" not in shown
    assert "## Findings\n\nnone" in review_markdown(clean, "f")


# Hostile names


@pytest.mark.parametrize("name", HOSTILE, ids=HOSTILE_IDS)
def test_hostile_names_in_text(name):
    review = sample_review(name)
    for shown in (text.review_text(review, name), *(short(review) for short in SHORT)):
        assert all(c.isprintable() or c == "\n" for c in shown)
    # No name adds a line that looks like one of ours.
    shown = text.review_text(review, "f", 120)
    assert len(re.findall(r"(?m)^  --> ", shown)) == len(review.findings)
    assert len(re.findall(r"(?m)^    = fingerprint: [0-9a-f]{12}$", shown)) == len(review.findings)


def shape(markdown: str) -> list[tuple[str, str, str]]:
    """What a reader of Markdown makes of it, texts apart."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = []
    for token in parser.parse(markdown):
        tokens.append((token.type, token.tag, token.info))
        tokens += [(c.type, c.tag, c.attrGet("href") or "") for c in token.children or () if c.type != "text"]
    return tokens


@pytest.mark.parametrize("name", HOSTILE, ids=HOSTILE_IDS)
def test_hostile_names_in_markdown(name):
    plain = review_markdown(sample_review("name"), "f", mermaid.component_map(sample_topology("name")))
    hostile = review_markdown(sample_review(name), "f", mermaid.component_map(sample_topology(f"x{name}")))
    assert shape(hostile) == shape(plain)
    # What a parser for plain CommonMark does not know, but GitHub does.
    prose = re.sub(r"(?s)```mermaid.*?```|(`+).+?\1", "", hostile)
    assert not re.search(r"(?<!\\)[@$~]|https?://(?!example\.com/book)|www\.", prose)


def designed(name: str) -> str:
    # A dot in a name sets off a part of an entity or a handler of a process, and so changes the design itself.
    name = name.replace(".", "")
    steps = [{"write": "db", "entity": name}, {"write": name, "entity": name}]
    system = {
        "stores": {"db": {"technology": "postgresql"}, name: {"technology": "elasticsearch"}},
        "entities": {name: {"key": name}},
        "processes": {name: {"handlers": {name: {"steps": steps}}}},
        "constraints": [{"name": name, "kind": "unique", "entity": name}],
    }
    return use_cases.generate_design(Given(json.dumps(system), name)).document


@pytest.mark.parametrize("name", SAYABLE, ids=SAYABLE_IDS)
def test_hostile_names_in_the_design_document(name):
    # Sections are sorted by name, so both names start alike.
    assert shape(designed(f"x{name}"[:180])) == shape(designed("xname"))


@pytest.mark.parametrize(
    ("example", "names"),
    [
        ("money-transfer", ("accounts_a", "balance_not_negative", "account_id")),
        ("friendship-messages", ("friendship_service", "pair_id", "notifier_view")),
    ],
)
@pytest.mark.parametrize("name", SAYABLE, ids=SAYABLE_IDS)
def test_hostile_names_in_the_options_of_a_design(name, example, names):
    def called(value: Any, word: str) -> Any:
        if isinstance(value, dict):
            return {called(k, word): called(v, word) for k, v in value.items()}
        if isinstance(value, list):
            return [called(v, word) for v in value]
        for number, old in enumerate(names):
            if value == old or (isinstance(value, str) and value.startswith(f"{old}.")):
                return f"{old[:2]}{number}{word}{value[len(old) :]}"
        return value

    def document(word: str) -> str:
        data = read_yaml(ROOT / "examples" / f"{example}.yaml")
        return use_cases.generate_design(Given(json.dumps(called(data, word)), example)).document

    # A dot sets off a handler of a process, and names are trimmed.
    assert shape(document(name.replace(".", "").strip()[:150])) == shape(document("name"))


def test_a_name_at_the_start_of_a_line_makes_no_block():
    for name in HOSTILE:
        assert shape(escape(name)) in (shape("name"), [])


@pytest.mark.parametrize("name", HOSTILE, ids=HOSTILE_IDS)
def test_hostile_names_in_diagrams(name):
    safe = r'"(?:[\w ,.:/()-]|#\d+;|<br/>)*"'
    node = rf"  n\d+(?:\[{safe}\]|\[\({safe}\)\]|\[\[{safe}\]\]|\(\[{safe}\]\))"
    edge = rf"  n\d+ (?:-->|-\.->|-\.-x)\|{safe}\| n\d+"
    topology = sample_topology(f"x{name}")
    plain = sample_topology("name")
    for draw in (mermaid.component_map, lambda t: mermaid.write_path(t, "product")):
        first, *lines = draw(topology).splitlines()
        assert first == "flowchart LR"
        assert all(re.fullmatch(f"{node}|{edge}", line) for line in lines)
        assert len(lines) + 1 == len(draw(plain).splitlines())


@pytest.mark.parametrize("name", HOSTILE, ids=HOSTILE_IDS)
def test_hostile_names_in_sarif(name):
    log = json.loads(review_sarif(sample_review(name), name))
    for result in log["runs"][0]["results"]:
        message = result["message"]["text"]
        assert message.isprintable()
        assert not re.search(r"[{}]", message.replace("{{", "").replace("}}", ""))
        assert "](" not in message
        address = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", address)


# SARIF


def test_sarif_has_what_the_standard_requires(review):
    """The part of the 2.1.0 schema that we use: types, required members, closed sets of words."""
    log = json.loads(review_sarif(review, "dir/my shop.yaml"))
    assert set(log) == {"$schema", "version", "runs"} and log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["helpUri"].startswith("https://")
    assert [r["partialFingerprints"] for r in run["results"]] == [
        {"dataIntegrationArchitect/v1": f.fingerprint} for f in review.findings
    ]
    for result, finding in zip(run["results"], review.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.id
        # Section 3.27.10: a result of any kind but `fail` has the level `none`.
        assert (result["kind"], result["level"]) == (
            ("fail", LEVELS[finding.severity]) if finding.is_definite else ("review", "none")
        )
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "dir/my%20shop.yaml"
        assert physical.get("region") == ({"startLine": finding.at.line} if finding.at.line else None)
    assert run["results"][2]["message"]["text"].startswith("If stores.search.expiry = none and scope = true: ")


def test_absolute_files_have_a_scheme_in_sarif():
    assert uri("/srv/a b.yaml") == "file:///srv/a%20b.yaml"
    assert uri("./a.yaml") == "a.yaml"


# Short texts


@pytest.mark.parametrize("short", SHORT, ids=lambda f: f.__name__)
def test_short_texts_are_bounded_however_much_there_is(review, short):
    many = review.model_copy(
        update={
            field: tuple(one for one in getattr(review, field) for _ in range(200))
            for field in (
                "findings",
                "recommendations",
                "questions",
                "flows",
                "systems_of_record",
                "ordering",
                "symptoms",
            )
        }
    )
    assert token_count(short(review)) < 700
    assert token_count(short(many)) < 1_000
    assert " more in " in short(many)


def test_a_short_review_names_the_worst_findings_with_place_and_fingerprint(review):
    shown = text.short_review(review)
    for part in ("critical[dual-write-unprotected] fingerprint 52b4f3e8c46e", "line 14", "fix derive-instead-of-write"):
        assert part in shown
    assert "if stores.search.expiry = none and scope = true" in shown
    assert "if 60s changes nothing" in shown


def test_a_short_review_says_what_changed(review):
    changed = review.model_copy(update={"changes": Changes(new=("52b4f3e8c46e",))})
    assert text.short_review(changed).endswith("Since the earlier review: new: 52b4f3e8c46e")
    same = review.model_copy(update={"changes": Changes()})
    assert text.short_review(same).endswith("Since the earlier review: nothing changed")
    assert "on this page" in text.short_review(review.model_copy(update={"omitted": {"findings": 3}}))


# Explanations


def test_explanations_in_both_layouts():
    explanation = explain("dual-write-unprotected")
    shown = text.explanation_text(explanation)
    written = explanation_markdown(explanation)
    for part in explanation.parts:
        assert f"\n{part.heading}\n" in shown
        assert f"\n## {part.heading}\n" in written
    assert "```yaml\nstores:" in written
    assert all(source.url in shown and source.url in written for source in explanation.sources)


def test_a_short_explanation_leaves_nothing_out():
    for topic in ("dual-write-unprotected", "topology", "postgresql"):
        explanation = explain(topic)
        shown = text.short_explanation(explanation)
        assert all(part.heading in shown and part.code.rstrip() in shown for part in explanation.parts)
        assert all(" ".join(told.split()) in shown for part in explanation.parts for _, told in part.items)
        assert all(source.url in shown for source in explanation.sources)
        assert token_count(shown) < token_count(explanation_markdown(explanation))


def test_code_spans_of_our_own_texts_stay_code():
    written = explanation_markdown(explain("topology"))
    assert "`none` or `false` says" in written
    assert ("code_inline", "code", "") in shape(written)
