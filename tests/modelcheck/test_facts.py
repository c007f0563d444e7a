"""Every fact that a topology can state is read by a mechanism, named as not modelled, or irrelevant for a reason."""

import ast
from pathlib import Path

import data_integration_architect.modelcheck as package
from data_integration_architect.modelcheck import Assumptions, Bounds, decide, questions
from data_integration_architect.modelcheck.unmodelled import IRRELEVANT, NOT_MODELLED
from data_integration_architect.topology import Topology, normalize
from data_integration_architect.topology.base import Base

SHORT_FORMS = {"ShortForm", "Movement", "Capture", "Consumer", "Job", "Cache"}


def stated_fields() -> set[str]:
    """CLASS.FIELD of everything that a normal form can say, each at the class that declares it."""
    found: set[str] = set()
    classes: list[type[Base]] = [Base]
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        if kind.__module__.startswith("data_integration_architect.topology") and kind.__name__ not in SHORT_FORMS:
            found |= {
                f"{kind.__name__}.{name}" for name in vars(kind).get("__annotations__", {}) if name in kind.model_fields
            }
    return found


def names_read() -> set[str]:
    """Attributes, keyword arguments and patterns in the checker's code, without the tables of what it does not read."""
    found: set[str] = set()
    for file in sorted(Path(package.__file__).parent.rglob("*.py")):
        if file.name == "unmodelled.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(attr=name):
                    found.add(name)
                case ast.MatchClass(kwd_attrs=names):
                    found |= set(names)
    return found


def test_each_field_is_read_or_has_a_reason():
    read = names_read()
    listed = {*NOT_MODELLED, *IRRELEVANT}
    missing = {field for field in stated_fields() - listed if field.split(".")[1] not in read}
    assert not missing
    assert all(NOT_MODELLED.values()) and all(IRRELEVANT.values())


def test_the_tables_name_existing_fields_only():
    assert {*NOT_MODELLED, *IRRELEVANT} <= stated_fields()


UNMODELLED = {
    "stores": {"pg": {"technology": "postgresql", "partition_key": "tenant"}, "es": {}},
    "channels": {"changes": {"technology": "kafka", "message_key": "id"}},
    "entities": {
        "product": {"key": "id", "references": [{"to": "brand", "visible_before": True}]},
        "brand": {"key": "id"},
    },
    "processes": {
        "shop": {
            "handlers": {
                "save": {
                    "trigger": {"request": {"retries": False}},
                    "steps": [{"write": "pg", "entity": "product"}],
                }
            }
        },
        "indexer": {
            "handlers": {
                "run": {
                    "trigger": {"consume": "changes"},
                    "computes": {"result": "index"},
                    "steps": [
                        {"write": "es", "entity": "product", "missing_source": "error", "retry": {"then": "ignore"}}
                    ],
                }
            }
        },
    },
    "captures": {"relay": {"from": "pg", "to": "changes", "by": "log", "snapshot": "interleaved", "per_table": True}},
}


def test_a_verdict_names_the_facts_that_it_leaves_out():
    topology = normalize(Topology.model_validate(UNMODELLED)).topology
    asked = next(q for q in questions(topology) if (q.property, q.target) == ("convergence", "es"))
    found = decide(topology, asked, Bounds(writes=1, faults=0), assumptions=Assumptions("safe"))
    for name, key in (
        ("pg", "Store.partition_key"),
        ("product", "Reference.visible_before"),
        ("indexer", "Handler.computes"),
        ("indexer", "Write.missing_source"),
        ("relay", "OnChanges.per_table"),
        ("relay", "OnChanges.snapshot"),
    ):
        assert f"{name}: {NOT_MODELLED[key]}" in found.not_modelled
