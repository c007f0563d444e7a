"""Explanations of every id, and the published schema against what the reader accepts."""

import re
from typing import Annotated, Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

from data_integration_architect.catalog import load_catalog
from data_integration_architect.errors import InputError, UnknownName
from data_integration_architect.explain import explain, guide, reference, topology_schema
from data_integration_architect.files import parse_text
from data_integration_architect.renderers.markdown import explanation_markdown
from data_integration_architect.topology import Topology, load_topology
from sample_review import sample_review
from support import ROOT, load, read_yaml

SHELVES = {
    "anti-pattern": "anti_patterns",
    "mechanism": "mechanisms",
    "fix": "fixes",
    "store": "stores",
    "engine": "engines",
}
VALIDATOR = Draft202012Validator(topology_schema())


def models() -> dict[str, type[BaseModel]]:
    """Every model of the topology by its name in the schema."""
    found: dict[str, type[BaseModel]] = {}
    pending: list[Any] = [Topology]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind.__name__ not in found:
                found[kind.__name__] = kind
                pending += [field.annotation for field in kind.model_fields.values()]
        else:
            pending += get_args(kind)
    return found


# Explanations


@pytest.mark.parametrize(("kind", "shelf"), SHELVES.items())
def test_every_id_of_the_knowledge_is_explained(kind, shelf):
    for name in getattr(load_catalog(), shelf):
        explanation = explain(name)
        # A fix may have the name of a mechanism, and the mechanism says what it is.
        assert explanation.topic == name
        assert explanation.kind == kind or (kind, explanation.kind) == ("fix", "mechanism")
        assert explanation.parts and explanation.sources
        assert all(part.text or part.items or part.code for part in explanation.parts)
        assert explanation_markdown(explanation).startswith("# ")


def test_an_anti_pattern_is_told_in_full():
    entry = load_catalog().anti_patterns.entry("dual-write-unprotected")
    parts = {part.heading: part for part in explain("Dual write_unprotected").parts}
    assert parts["Why it is bad"].text == entry.why
    assert load_topology(parse_text(parts["Example"].code)) == load(dict(entry.example))
    assert parts["Use instead"].items[0][0] == entry.fixes[0]
    assert parts["Known problems"].items == tuple(("", problem) for problem in entry.known_problems)
    assert parts["Severity"].text.startswith(", ".join(entry.severity))


@pytest.mark.parametrize(
    ("topic", "kind", "found"),
    [
        ("pg", "store", "postgresql"),
        ("Elastic Search", "store", "elasticsearch"),
        ("Apache Flink", "engine", "flink"),
        ("topology", "guide", "topology"),
        ("How to write a topology", "guide", "topology"),
        ("vocabulary", "vocabulary", "vocabulary"),
        ("stores.pg.log_access", "attribute", "stores.pg.log_access"),
        ("sequence_drawn", "attribute", "sequence_drawn"),
    ],
)
def test_topics_in_common_words(topic, kind, found):
    assert (explain(topic).kind, explain(topic).topic) == (kind, found)


def test_an_unknown_topic_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'dual-write-unprotected'"):
        explain("dual-writes-unprotected")
    with pytest.raises(InputError, match="give the topology"):
        explain("52b4f3e8c46e")
    with pytest.raises(UnknownName):
        explain("000000000000", sample_review())


def test_a_finding_is_explained_by_fingerprint_or_id():
    review = sample_review()
    one = explain("52b4f3e8c46e", review)
    assert (one.kind, one.topic) == ("finding", "52b4f3e8c46e")
    assert one.parts[0].text == review.findings[0].summary
    assert ("at", f"line 14 {review.findings[0].at.path}") in one.parts[0].items
    both = explain("dual-write-unprotected", review)
    assert [p.heading for p in both.parts[:3]] == [
        "Finding 52b4f3e8c46e: critical",
        "Finding c53adda8db72: high",
        "What it is",
    ]


def test_the_vocabulary_lists_every_id():
    words = {term for part in explain("vocabulary").parts for term, _ in part.items}
    texts = " ".join(part.text for part in explain("vocabulary").parts)
    for shelf in SHELVES.values():
        assert all(name in words or name in texts for name in getattr(load_catalog(), shelf))


# The guide


def test_examples_of_the_guide_are_topologies_and_cover_the_short_forms():
    examples = [part.code for part in guide().parts if part.code]
    read = [load_topology(parse_text(code)) for code in examples]
    assert all(VALIDATOR.is_valid(parse_text(code).data) for code in examples)
    for group in (
        "captures",
        "consumers",
        "jobs",
        "caches",
        "processes",
        "channels",
        "readers",
        "constraints",
        "symptoms",
    ):
        assert any(getattr(topology, group) for topology in read), group


def test_the_reference_has_every_attribute_with_its_meaning():
    told = {term.rsplit(".", 1)[-1]: text for part in reference() for term, text in part.items}
    attributes = {info.alias or name for model in models().values() for name, info in model.model_fields.items()}
    assert attributes <= set(told)
    assert all(re.fullmatch(r"\(.+\) [A-Z`].+[.]", text) for part in reference()[1:] for _, text in part.items)


def test_the_reference_tells_values():
    told = {(part.heading, term): text for part in reference() for term, text in part.items}
    assert told["stores.NAME", "expiry"].startswith("(duration | none) ")
    assert told["stores.NAME", "failover.automatic"].startswith("(flag) ")
    assert told["entities.NAME", "key"].startswith("(name | list of name) ")
    assert told["step {write: STORE, …}", "write"].startswith("(name; required) ")
    assert told["processes.NAME", "instances"].startswith("(count | many) ")


# The schema


def test_the_schema_is_a_schema_with_a_description_of_everything():
    schema = topology_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] and all(VALIDATOR.is_valid(example) for example in schema["examples"])
    for name, definition in {"Topology": schema, **schema["$defs"]}.items():
        assert definition["description"], name
        for attribute, one in definition.get("properties", {}).items():
            assert one.get("description"), f"{name}.{attribute}"
            assert "title" not in one


DOCUMENTS = [
    *sorted((ROOT / "examples").glob("*.yaml")),
    *sorted((ROOT / "tests" / "rule_cases").glob("*.yaml")),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_schema_accepts_every_topology_at_hand(path):
    data = read_yaml(path)
    if path.name.endswith(".evidence.yaml"):
        pytest.skip("quotes")
    for topology in [case["topology"] for case in data["cases"].values()] if "cases" in data else [data]:
        assert [error.message for error in VALIDATOR.iter_errors(topology)] == []


@pytest.mark.parametrize(
    "text",
    [
        "stores: {db: {failover: none, external: no, log_access: 'yes', partitions: '12', expiry: unknown, lag: null}}",
        "stores: {db: unknown}",
        "processes: {p: {instances: 3, handlers: {h: {trigger: {request: true}, dedup: none}}}}",
        "entities: {e: {key: none, personal_data: none, deletes: Unknown}}",
    ],
)
def test_the_schema_accepts_what_the_reader_converts(text):
    document = parse_text(text)
    load_topology(document)
    assert VALIDATOR.is_valid(document.data)


@pytest.mark.parametrize(
    "text",
    [
        "stores: {db: {tecnology: postgresql}}",
        "stores: {db: {durability: sometimes}}",
        "stores: {db: {expiry: 5}}",
        "stores: {db: {partitions: -1}}",
        "stores: [db]",
        "entities: {e: {key: 5}}",
        "processes: {p: {handlers: {h: {steps: [{write: db, append: c}]}}}}",
        "processes: {p: {handlers: {h: {trigger: {sometimes: x}}}}}",
        "symptoms: [{in: db}]",
        "stores: {db: {failover: true}}",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text):
    document = parse_text(text)
    with pytest.raises(InputError):
        load_topology(document)
    assert not VALIDATOR.is_valid(document.data)


VALUES = [
    "none", True, False, "yes", "off", "True", "x", "", 0, 1, 5, -1, 5.0, 5.5, "5", "5s", "1.5 h", "forever",
    "until-acknowledged", "200/s", "10%/y", "4GiB", "many", "inf", [], ["x"], ["x", 5], [{}], {}, {"x": "y"},
    {"x": True}, {"x": ["y"]}, {"to": "x"}, {"result": "x"}, [{"write": "x"}], {"consume": "x"}, {"every": "5s"},
]  # fmt: skip


def accepts(annotation: Any, value: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(models()))
def test_schema_and_reader_agree_on_every_attribute(name):
    """What the reader accepts of an attribute, the schema accepts, and nothing else."""
    schema = topology_schema()
    properties = (schema if name == "Topology" else schema["$defs"][name])["properties"]
    model = models()[name]
    for field, info in model.model_fields.items():
        attribute = info.alias or field
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        validator = Draft202012Validator(
            {"$ref": f"#/{attribute}", "$defs": schema["$defs"], attribute: properties[attribute]}
        )
        for value in VALUES:
            assert accepts(annotation, value) == validator.is_valid(value), (attribute, value)
        absent = [None, "unknown"] if not info.is_required() else []
        assert all(validator.is_valid(value) for value in absent), attribute
