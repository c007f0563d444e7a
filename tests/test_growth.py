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


def calls_of(data):
    topology = normalize(load_document(data, "topology")).topology
    profile = cProfile.Profile()
    profile.enable()
    _review_plain(topology)
    profile.disable()
    return pstats.Stats(profile).total_calls


@pytest.mark.parametrize("make", [dual_writes, chains])
def test_twice_the_topology_is_about_twice_the_work(make):
    _review_plain(normalize(load_document(make(3), "topology")).topology)  # what is loaded once
    once, twice = calls_of(make(60)), calls_of(make(120))
    assert twice < 2.4 * once, (once, twice)
