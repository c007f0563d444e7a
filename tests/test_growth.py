"""What a review costs grows with the topology and not with its square: counted in calls, not in seconds."""

import cProfile
import pstats

import pytest

from data_integration_architect.topology import load_document, normalize
from data_integration_architect.use_cases import _review_plain

STORES = {"pg": {"technology": "postgresql"}, "es": {"technology": "elasticsearch"}}


def dual_writes(count):
    """One handler for each of `count` tables, which writes two stores."""
    steps = [[{"write": "pg", "entity": f"e{n}"}, {"write": "es", "entity": f"e{n}"}] for n in range(count)]
    return {
        "stores": STORES,
        "entities": {f"e{n}": {"key": "id"} for n in range(count)},
        "processes": {
            f"p{n}": {"handlers": {"save": {"trigger": {"request": True}, "steps": steps[n]}}} for n in range(count)
        },
    }


def chains(count):
    """`count` times a handler that appends to a topic of its own, with a consumer and a dead-letter topic."""
    topics = [f"t{n}" for n in range(count)]
    return {
        "stores": STORES,
        "channels": {
            **{name: {"technology": "kafka", "message_key": "id", "dead_letter": f"{name}d"} for name in topics},
            **{f"{name}d": {"technology": "kafka"} for name in topics},
        },
        "entities": {f"e{n}": {"key": "id"} for n in range(count)},
        "processes": {
            f"p{n}": {
                "handlers": {"save": {"steps": [{"write": "pg", "entity": f"e{n}"}, {"append": f"t{n}"}]}},
            }
            for n in range(count)
        },
        "consumers": {f"c{n}": {"from": f"t{n}", "to": "es", "entity": f"e{n}"} for n in range(count)},
    }


def calls_of(function, *arguments):
    profile = cProfile.Profile()
    profile.enable()
    function(*arguments)
    profile.disable()
    return pstats.Stats(profile).total_calls


@pytest.mark.parametrize("make", [dual_writes, chains])
def test_twice_the_topology_is_about_twice_the_work(make):
    def calls(count):
        return calls_of(_review_plain, normalize(load_document(make(count), "topology")).topology)

    calls(3)  # what is loaded once
    once, twice = calls(60), calls(120)
    assert twice < 2.4 * once, (once, twice)


def test_short_forms_are_rewritten_one_by_one():
    once, twice = (calls_of(normalize, load_document(chains(count), "topology")) for count in (60, 120))
    assert twice < 2.4 * once, (once, twice)
