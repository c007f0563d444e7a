"""The knowledge holds together: every entry loads, every id that it names exists, every rule rests on a read source."""

import pytest

from data_integration_architect.catalog import SLOTS, load_catalog
from data_integration_architect.sources import SEVERITIES

CATALOG = load_catalog()
SHELVES = {name: getattr(CATALOG, name) for name in ("stores", "mechanisms", "anti_patterns", "fixes", "engines")}
ENTRIES = [(shelf, entry) for shelf, content in SHELVES.items() for entry in content]


@pytest.mark.parametrize(("shelf", "entry"), ENTRIES, ids=[f"{s}:{e}" for s, e in ENTRIES])
def test_every_entry_loads(shelf, entry):
    assert SHELVES[shelf].entry(entry).id == entry


def test_ids_are_unique_over_all_that_a_finding_can_name():
    ids = [entry for shelf in ("mechanisms", "anti_patterns", "fixes") for entry in SHELVES[shelf]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("entry", sorted(SHELVES["stores"]))
def test_every_store_answers_eight_slots(entry):
    assert set(SHELVES["stores"].entry(entry).slots) == set(SLOTS)


@pytest.mark.parametrize("entry", sorted(SHELVES["anti_patterns"]))
def test_an_anti_pattern_names_what_exists_and_rests_on_a_source_that_was_read(entry):
    found = SHELVES["anti_patterns"].entry(entry)
    assert set(found.subsumes) <= set(SHELVES["anti_patterns"])
    assert found.fixes and set(found.fixes) <= {*SHELVES["fixes"], *SHELVES["mechanisms"]}
    assert set(found.severity) <= set(SEVERITIES)
    assert any(source.checked != "unchecked" for source in found.sources)
    assert (found.check.property is None) != (found.check.not_modelled is None)


@pytest.mark.parametrize("entry", sorted(SHELVES["fixes"]))
def test_a_fix_addresses_anti_patterns_that_exist(entry):
    assert set(SHELVES["fixes"].entry(entry).addresses) <= set(SHELVES["anti_patterns"])


def test_common_spellings_are_understood():
    spellings = {
        "pg": "postgresql",
        "Postgres 16": "postgresql",
        "es": "elasticsearch",
        "mongo": "mongodb",
        "msk": "kafka",
        "cosmos": "cosmosdb",
        "Azure Service Bus": "azure-service-bus",
        "mosquitto": "mqtt",
        "KurrentDB": "eventstoredb",
        "timescale": "postgresql",
    }
    for word, store in spellings.items():
        assert CATALOG.technology(word).id == store
    assert CATALOG.technology("nonesuch") is None
    # Two vendors sell a product of this name.
    assert CATALOG.technology("documentdb") is None
