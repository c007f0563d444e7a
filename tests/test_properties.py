"""What holds for every topology: renaming, reordering, dumping, short forms, and no exception but our own."""

import os
import random
import re
import subprocess
import sys
from typing import Any

import pytest

from data_integration_architect.advice.judged import judge
from data_integration_architect.errors import ArchitectError
from data_integration_architect.files import Document, dump_yaml
from data_integration_architect.results import Review
from data_integration_architect.topology import dump_topology, load_topology, normalize
from data_integration_architect.topology.edit import set_fact, with_fact
from data_integration_architect.use_cases import Given, generate_design, review_document
from generated import broken_document, random_topology
from support import ROOT, load, parse_text

FEW = range(60)


def review(data: Any) -> Review:
    return review_document(Document(data))


def renamed(value: Any, names: dict[str, str]) -> Any:
    """`value` with whole names replaced in keys, texts and PROCESS.HANDLER pairs."""
    if isinstance(value, dict):
        return {renamed(k, names): renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(v, names) for v in value]
    if isinstance(value, str):
        return re.sub(r"[a-z]+\d+", lambda m: names.get(m[0], m[0]), value)
    return value


def all_names(data: dict[str, Any]) -> list[str]:
    names = [*data["stores"], *data["channels"], *data["entities"], *data["processes"]]
    return names + sorted({h for p in data["processes"].values() for h in p["handlers"]})


def shuffled(value: Any, pick: random.Random) -> Any:
    """The same mappings with their keys in another order; lists stay, their order has a meaning."""
    if isinstance(value, dict):
        keys = list(value)
        pick.shuffle(keys)
        return {key: shuffled(value[key], pick) for key in keys}
    return [shuffled(v, pick) for v in value] if isinstance(value, list) else value


def signature(result: Review) -> list[Any]:
    """What a review says, without texts and without the order of its lists."""
    return [
        result.applicable.verdict,
        sorted((f.id, f.severity, f.violates, f.elements, f.also, f.fixes, str(f.condition)) for f in result.findings),
        sorted((f.from_, f.to, f.mechanism, f.entities) for f in result.flows),
        sorted((o.entity, o.status, str(o.store), o.derived) for o in result.systems_of_record),
        sorted((r.from_, r.to, r.mechanism, r.runner_up) for r in result.recommendations),
        sorted((o.flow, o.need, str(o.key), str(o.satisfied)) for o in result.ordering),
    ]


@pytest.mark.parametrize("seed", FEW)
def test_reordering_changes_nothing(seed):
    data = random_topology(seed)
    assert signature(review(data)) == signature(review(shuffled(data, random.Random(seed))))


@pytest.mark.parametrize("seed", FEW)
def test_renaming_changes_only_names(seed):
    data = random_topology(seed)
    # New names that sort the other way round.
    names = {name: f"z{999 - i}" for i, name in enumerate(sorted(all_names(data)))}
    back = {new: old for old, new in names.items()}
    there = review(renamed(data, names)).model_dump(mode="json", by_alias=True)
    here = review(data).model_dump(mode="json", by_alias=True)

    def comparable(found: dict[str, Any]) -> list[Any]:
        return sorted((f["id"], f["severity"], sorted(f["elements"]), bool(f["condition"])) for f in found["findings"])

    again = renamed({"findings": [{**f, "fingerprint": ""} for f in there["findings"]]}, back)
    assert comparable(again) == comparable(here)


@pytest.mark.parametrize("seed", FEW)
def test_dump_is_the_inverse_of_load(seed):
    topology = load(random_topology(seed))
    assert load(dump_topology(topology)) == topology
    assert load_topology(parse_text(dump_yaml(dump_topology(topology)))) == topology


@pytest.mark.parametrize("seed", FEW)
def test_short_and_long_forms_give_the_same_review(seed):
    topology = load(random_topology(seed))
    long = dump_topology(normalize(topology).topology)
    assert signature(review(dump_topology(topology)))[1:] == signature(review(long))[1:] or _only_paths_differ(
        review(dump_topology(topology)), review(long)
    )


@pytest.mark.parametrize("seed", FEW)
def test_fingerprints_survive_unrelated_additions(seed):
    data = random_topology(seed)
    beside = {"technology": "mysql"}
    more = {**data, "stores": {"aaa": beside, **data["stores"]}, "entities": {"aaa": {"key": "a"}, **data["entities"]}}

    def prints(result: Review) -> list[tuple[str, str]]:
        return sorted((f.id, f.fingerprint) for f in result.findings)

    assert prints(review(data)) == prints(review(more))


def _only_paths_differ(short: Review, long: Review) -> bool:
    """Conditions name a place in the document, and that is another one in the short form."""

    def without_paths(result: Review) -> list[Any]:
        return [
            sorted((f.id, f.severity, f.elements, len(f.condition or ())) for f in result.findings),
            *signature(result)[2:],
        ]

    return without_paths(short) == without_paths(long)


@pytest.mark.parametrize("seed", range(30))
def test_generated_topologies_are_designed_without_error(seed):
    generate_design(Given(dump_yaml(random_topology(seed)), f"seed {seed}"))


@pytest.mark.soak
@pytest.mark.parametrize("block", range(20))
def test_ten_thousand_generated_topologies(block):
    for seed in range(block * 500, (block + 1) * 500):
        judge(normalize(load(random_topology(seed, size=2 + seed % 4))).topology)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(20))
def test_ten_thousand_broken_documents(block):
    for seed in range(block * 500, (block + 1) * 500):
        read_broken(seed)


@pytest.mark.parametrize("seed", range(200))
def test_broken_documents_raise_only_our_own_errors(seed):
    read_broken(seed)


def read_broken(seed: int) -> None:
    try:
        topology = load_topology(parse_text(broken_document(seed)))
    except ArchitectError as error:
        assert str(error)
        return
    judge(normalize(topology).topology)


def test_the_same_input_gives_the_same_bytes_in_every_process():
    script = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from data_integration_architect.use_cases import Given, review, generate_design\n"
        "text = open(sys.argv[2], encoding='utf-8').read()\n"
        "print(review(Given(text, 'x')).model_dump_json(), generate_design(Given(text, 'x')).model_dump_json())\n"
    )
    outputs = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script, str(ROOT / "server"), str(ROOT / "examples" / "online-retailer.yaml")],
            capture_output=True,
            check=True,
            env=environment,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


WORDS = ("unknown", "none", True, False, 3, "7d", [], {}, {"by": "event_id"}, "no such name", None, ["order1"])


def value_at(data: Any, path: tuple[str | int, ...]) -> Any:
    return value_at(data[path[0]], path[1:]) if path else data


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        inner = [(key, item) for key, item in value.items()]
    else:
        inner = list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(found for key, item in inner for found in paths_in(item, (*path, key)))]


def test_a_fact_that_is_changed_in_one_element_is_as_if_the_whole_were_read_again():
    outcomes = {"read": 0, "refused": 0}
    said: dict[Any, list[Any]] = {}
    for seed in range(60):
        topology = normalize(load_topology(Document(random_topology(seed)))).topology
        data = dump_topology(topology)
        chance = random.Random(seed)
        paths = [path for path in paths_in(data) if path]
        for path in paths:
            said.setdefault(path[-1], []).append(value_at(data, path))
        names = sorted(data["stores"] | data.get("entities", {}))
        for path in chance.sample(paths, 30):
            other = chance.choice(("parts", "key", "dedup", "from", "handlers", "replica_of", "h9", "x"))
            path = chance.choice((path, path, (*path, other)))
            value = chance.choice((chance.choice(said.get(path[-1], WORDS)), chance.choice((*WORDS, *names))))
            try:
                expected: Any = load_topology(Document(set_fact(data, path, value), "topology"))
            except ArchitectError as error:
                expected = str(error)
            except (TypeError, IndexError):
                continue
            try:
                got: Any = with_fact(topology, path, value)
            except ArchitectError as error:
                got = str(error)
            assert got == expected, (seed, path, value)
            outcomes["refused" if isinstance(got, str) else "read"] += 1
    assert min(outcomes.values()) > 300
