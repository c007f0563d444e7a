"""The model meets reality: shortest runs of every shipped system, replayed step by step on real engines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data_integration_architect.lab.replay import Replay, replay, runs_of
from data_integration_architect.modelcheck.verdict import Change
from data_integration_architect.topology import Topology, load_document, normalize
from stack_support import EXAMPLES, Engines, note
from support import ROOT, read_yaml

pytestmark = pytest.mark.stack

CONFIRMED = 0.9


def systems() -> list[tuple[str, Topology]]:
    found = [(p.stem, read_yaml(p)) for p in EXAMPLES]
    for path in sorted((ROOT / "examples" / "claims").glob("*.yaml")):
        found += [(f"{path.stem} {n}", v["topology"]) for n, v in enumerate(read_yaml(path)["variants"])]
    return [(name, normalize(load_document(data, name)).topology) for name, data in found]


def ports(engines: Engines) -> dict[str, tuple[int, str]]:
    databases = {"postgresql": "postgres", "mariadb": "mysql"}
    return {engine: (server.port, databases.get(engine, "")) for engine, server in engines.servers.items()}


def test_nine_in_ten_shortest_runs_show_on_the_engines_what_the_model_said(engines: Engines, tmp_path: Path) -> None:
    done: list[tuple[str, Replay]] = []
    for name, topology in systems():
        for verdict in runs_of(topology):
            result = replay(topology, verdict, ports(engines), f"n{len(done)}")
            done.append((name, result))
    otherwise = [(name, r.run, r.differing) for name, r in done if r.differing]
    assert not otherwise
    confirmed = [r for _, r in done if r.is_confirmed]
    left = sorted({f"{name}: {r.verdict}" for name, r in done if not r.is_confirmed})
    note(f"{len(confirmed)} of {len(done)} shortest runs of shipped systems seen on engines")
    assert len(done) >= 170
    assert len(confirmed) >= CONFIRMED * len(done), left


def test_a_wrong_model_is_rejected_by_the_engines(engines: Engines) -> None:
    """The same runs with one predicted state falsified: the replay must see it."""
    topology = next(t for name, t in systems() if name == "online-retailer")
    rejected = 0
    runs = [v for v in runs_of(topology) if v.property == "no-stale-overwrite"]
    for number, verdict in enumerate(runs):
        last = verdict.trace[-1]
        wrong = tuple(Change(c.what, c.after, c.before) for c in last.changes)
        falsified = replace(verdict, trace=(*verdict.trace[:-1], replace(last, changes=wrong)))
        rejected += bool(replay(topology, falsified, ports(engines), f"w{number}").differing)
    assert runs and rejected == len(runs)
