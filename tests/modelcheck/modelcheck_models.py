"""Models for the tests: small ones whose states are counted by hand, and random ones from a seed."""

import random

from data_integration_architect.modelcheck.builder import ModelBuilder
from data_integration_architect.modelcheck.ir import ActionKind, Model


def dual_write(writers: int, faults: int = 0) -> Model:
    """Unsynchronised writers, each the database, then the index; a fault lets one die before either write."""
    m = ModelBuilder(faults=faults, workload=0)
    m.var("db", writers)
    m.var("index", writers)
    for i in range(1, writers + 1):
        m.var(f"pc_{i}", 3)
        m.act(f"write_db_{i}", f"pc_{i} == 0", f"pc_{i} = 1; db = {i}")
        m.act(f"write_index_{i}", f"pc_{i} == 1", f"pc_{i} = 2; index = {i}")
        m.act(f"die_early_{i}", f"pc_{i} == 0", f"pc_{i} = 3", kind="fault")
        m.act(f"die_between_{i}", f"pc_{i} == 1", f"pc_{i} = 3", kind="fault")
    m.at_rest("convergence", "db == index")
    return m.build()


def change_capture(writes: int, keys: int, faults: int, *, lazy: bool) -> Model:
    """Writes to `keys` keys, a relay into one log per key, one consumer per log; crashes rewind uncommitted work.

    `lazy`: no commit steps; a crash chooses how far it rewinds, and that place counts as committed from then on.
    """
    m = ModelBuilder(faults=faults, workload=0)
    capacity = writes * (faults + 1)
    m.var("written", writes)
    m.log("changes", writes, max(keys - 1, 1))
    m.var("relay", writes)
    m.var("relay_floor", writes)
    for k in range(keys):
        m.var(f"record_{k}", writes)
        m.var(f"view_{k}", writes)
        m.log(f"log_{k}", capacity, writes)
        m.var(f"offset_{k}", capacity)
        m.var(f"floor_{k}", capacity)
        m.act(f"write_{k}", f"written < {writes}", f"changes.append({k}); written += 1; record_{k} = written + 1")
        here = f"relay < len(changes) and changes[relay] == {k}"
        m.act(f"forward_{k}", here, f"relay += 1; log_{k}.append(relay + 1)")
        m.act(f"apply_{k}", f"offset_{k} < len(log_{k})", f"view_{k} = log_{k}[offset_{k}]; offset_{k} += 1")
        _commit(m, f"offset_{k}", f"floor_{k}", capacity, lazy)
    _commit(m, "relay", "relay_floor", writes, lazy)
    m.at_rest("convergence", *[f"record_{k} == view_{k}" for k in range(keys)])
    return m.build()


def _commit(m: ModelBuilder, position: str, floor: str, most: int, lazy: bool) -> None:
    if not lazy:
        m.act(f"commit_{position}", f"{floor} < {position}", f"{floor} = {position}")
        m.act(f"crash_{position}", f"{floor} < {position}", f"{position} = {floor}", kind="fault")
        return
    for j in range(1, most + 1):
        m.act(
            f"rewind_{position}_{j}",
            f"{position} - {floor} >= {j}",
            f"{position} -= {j}; {floor} = {position} - {j}",
            kind="fault",
        )


def random_model(seed: int) -> Model:
    """A small model with variables, an array, a log with a reader, budgets and all kinds of actions."""
    draw = random.Random(seed)
    m = ModelBuilder(faults=draw.randint(0, 2), workload=draw.randint(0, 2))
    highs = {m.var(f"x{i}", high, draw.randint(0, high)): high for i, high in enumerate(draw.choices([1, 2, 3], k=4))}
    m.var("signed", 1, 0, low=-1)
    m.array("cells", 2, 2, draw.randint(0, 2))
    m.log("log", 2, 3)
    m.var("offset", 2)
    for number in range(draw.randint(2, 7)):
        kind: ActionKind = draw.choice(["progress", "progress", "progress", "optional", "fault"])
        cost = draw.randint(0, 1) if kind != "fault" else 0
        guards, updates = _random_step(draw, highs)
        m.act(f"act_{number}", " and ".join(f"({guard})" for guard in guards), "; ".join(updates), kind=kind, cost=cost)
    m.act("read", "offset < len(log) and log[offset] <= x0", "cells[offset] = log[offset] & 1; offset += 1")
    parts = [f"{_random_term(draw, highs)} {draw.choice(['<=', '!=', '=='])} {draw.randint(0, 2)}" for _ in range(2)]
    m.always("always", *parts)
    m.at_rest("rest", *parts)
    return m.build()


def _random_term(draw: random.Random, highs: dict[str, int]) -> str:
    name = draw.choice(list(highs))
    return draw.choice([name, "signed", "len(log)", "cells[0]", "cells[1]", f"{name} + offset", f"cells[{name} % 2]"])


def _random_step(draw: random.Random, highs: dict[str, int]) -> tuple[list[str], list[str]]:
    guards: list[str] = []
    updates: list[str] = []
    for name in draw.sample(list(highs), draw.randint(1, 2)):
        other = draw.choice(list(highs))
        match draw.randint(0, 4):
            case 0:
                old, new = draw.randint(0, highs[name]), draw.randint(0, highs[name])
                guards.append(f"{name} == {old}")
                updates.append(f"{name} = {new}")
            case 1:
                guards.append(f"{name} < {highs[name]}")
                updates.append(f"{name} += 1")
            case 2:
                guards.append(f"{other} <= {highs[name]} and not {other} == {name}")
                updates.append(f"{name} = {other}")
            case 3:
                guards.append(f"{name} > 0")
                updates.append(f"{name} = {name} - 1 if {other} > 0 else 0")
            case _:
                guards.append(f"cells[{other} % 2] != {name} or signed < 1")
                updates.append(f"{name} = {draw.randint(0, highs[name])}")
    match draw.randint(0, 4):
        case 0:
            guards.append("len(log) < 2")
            updates.append(f"log.append({draw.choice(list(highs))})")
        case 1:
            updates.append(f"cells[{draw.choice(list(highs))} % 2] = {draw.randint(0, 2)}")
        case 2:
            guards.append("signed > -1")
            updates.append("signed -= 1")
        case 3:
            updates.append(f"signed = {draw.randint(-1, 1)}")
    return guards or ["True"], updates
