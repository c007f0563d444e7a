"""Two-phase commit over several stores: prepare each, log the decision, deliver it to each.

A participant that has prepared must wait for the decision, whatever happens to the coordinator (X/Open XA; Gray and
Lamport, "Consensus on Transaction Commit", section 3). The coordinator is the request's own process: when it crashes
it returns with its log, returns without one (and presumes abort), or never returns.
"""

from data_integration_architect.modelcheck.effects import Effect
from data_integration_architect.modelcheck.world import Branch, Value, World
from data_integration_architect.topology import Transaction

ATOMIC = "a participant prepares or commits in one local transaction"


def forgets(world: World, step: Transaction, path: str) -> bool:
    """Whether a participant that restarts no longer knows that it is prepared."""
    known = step.coordinator.participants_remember if step.coordinator is not None else None
    remembers = True if known is None else known
    return not world.options.get(f"{path}.coordinator.participants_remember", remembers, safe=True, unsafe=False)


def lower_two_phase(
    world: World, step: Transaction, parts: list[list[Effect]], value: Value, path: str
) -> list[Effect]:
    """Effects of one distributed commit; `parts` has the effects of each participant."""
    intent = value.request
    prepared = [_shared(world, f"prepared:{intent}:{number}") for number in range(len(parts))]
    decided = _shared(world, f"decided:{intent}")
    for variable, part in zip(prepared, parts, strict=True):
        world.labels[variable] = f"{part[0].target}: prepared {value.label}"
    found = []
    for number, (variable, part) in enumerate(zip(prepared, parts, strict=True)):
        # a prepared participant keeps the locks on its rows, so no other transaction on the key can prepare there
        others = [_shared(world, f"prepared:{other}:{number}") for other in range(1, world.writes + 1)]
        free = " and ".join(f"{other} == 0" for other in others)
        found.append(Effect(f"prepare {value.label}", part[0].target, (Branch(free, (f"{variable} = 1",)),), ATOMIC))
    found.append(Effect("log the decision", "coordinator", (Branch("True", (f"{decided} = 1",)),), "one log record"))
    for variable, part in zip(prepared, parts, strict=True):
        branches = [Branch(f"{variable} == 1", (f"{variable} = 0",)).merged(branch) for branch in part[0].branches]
        if forgets(world, step, path):
            branches.append(Branch(f"{variable} == 0", (), "it has forgotten that it was prepared"))
        found.append(Effect(f"commit {part[0].text}", part[0].target, tuple(branches), ATOMIC))
    return found


def _shared(world: World, key: str) -> str:
    if key not in world.shared:
        world.shared[key] = world.m.var(world.fresh(key.split(":")[0]), 1)
    return world.shared[key]


def in_doubt(world: World) -> list[str]:
    """Variables that are 1 while a participant is prepared."""
    return [variable for key, variable in world.shared.items() if key.startswith("prepared:")]


def add_recovery(
    world: World, step: Transaction, parts: list[list[Effect]], value: Value, crashed: str, path: str
) -> None:
    """What happens to prepared participants after the coordinator crashed."""
    coordinator = step.coordinator
    get = world.options.get
    returns = get(
        f"{path}.coordinator.returns", coordinator.returns if coordinator else None, safe="always", unsafe="never"
    )
    if returns == "unknown":
        returns = "never"
    log = get(f"{path}.coordinator.log", coordinator.log if coordinator else None, safe="durable", unsafe="none")
    known = coordinator.timeout if coordinator else None
    gives_up = get(f"{path}.coordinator.timeout", known, safe="none", unsafe="none") != "none"
    decided = _shared(world, f"decided:{value.request}")
    for number, part in enumerate(parts):
        prepared = _shared(world, f"prepared:{value.request}:{number}")
        target = part[0].target
        if forgets(world, step, path):
            world.act(
                "forget",
                [f"{prepared} == 1"],
                [f"{prepared} = 0"],
                actor=target,
                kind="fault",
                source=target,
                target=target,
                text=f"restarts and has forgotten that it prepared {value.label}",
                atomic=ATOMIC,
            )
        waiting = [crashed, f"{prepared} == 1"]
        if returns == "always" and log == "durable":
            for branch in part[0].branches:
                world.act(
                    "recover",
                    [*waiting, f"{decided} == 1", branch.guard],
                    [f"{prepared} = 0", *branch.updates],
                    actor="coordinator",
                    source="coordinator",
                    target=target,
                    text=f"returns, commits {value.label} as its log says",
                    atomic=ATOMIC,
                )
            waiting.append(f"{decided} == 0")
        if returns == "always" or gives_up:
            words = "returns without a decision, aborts" if returns == "always" else "times out, aborts on its own"
            world.act(
                "abort",
                waiting,
                [f"{prepared} = 0"],
                actor="coordinator" if returns == "always" else target,
                source="coordinator",
                target=target,
                text=f"{words} {value.label}",
                atomic=ATOMIC,
            )
