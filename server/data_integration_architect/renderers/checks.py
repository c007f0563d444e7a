"""What the model checker said, in words: one line for a check, numbered lines for a run."""

from __future__ import annotations

from collections.abc import Iterable

from data_integration_architect.results import Check, RunStep


def bounds_words(check: Check) -> str:
    """The bounds within which a verdict holds, and the faults that were tried."""
    one = check.bounds
    kinds = f" of {{{', '.join(check.faults)}}}" if check.faults else ""
    return (
        f"{_most(one.writes, 'write')} on {one.keys} keys, {_most(one.partitions, 'partition')}, "
        f"{_most(one.instances, 'instance')}, {_most(one.retries, 'client retry', 'client retries')}, "
        f"at most {_most(one.faults, 'fault')}{kinds}"
    )


def _most(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def subject_words(check: Check) -> str:
    """What a check is about: `convergence of search (product)`."""
    return f"{check.property} of {check.target}" + (f" ({check.entity})" if check.entity else "")


def verdict_words(check: Check) -> str:
    """One sentence: what was found, and within which bounds."""
    about = subject_words(check)
    match check.verdict:
        case "holds":
            return f"{about} holds for up to {bounds_words(check)}; all {check.states:,} states seen"
        case "violated":
            faults = sum(step.fault for step in check.trace)
            words = (
                f"{about} violated ({check.violates}) in {_most(len(check.trace), 'step')}, {_most(faults, 'fault')}"
            )
            words += f"; {check.healed_by} repairs it later" if check.healed_by else ""
            words += f"; only together with {', '.join(check.together_with)}" if check.together_with else ""
            return words + "".join(f"; assuming {one.path} = {one.value}" for one in check.assumed)
        case "unknown":
            return f"{about} unknown: no violation in {check.states:,} states, then the budget ended"
        case "stopped":
            return f"{about} {stopped_words(check)}"
        case _:
            return f"not modelled: {'; '.join(check.not_modelled)}"


def stopped_words(check: Check) -> str:
    """What was spent, and how to go on."""
    return (
        f"stopped after {check.states:,} states, because all searches of one run together were at their limit; to go "
        f"on: check --property {check.property} --states {10 * check.bounds.states}"
    )


def run_words(trace: Iterable[RunStep]) -> str:
    """A run on one line."""
    return " ".join(f"({number}) {step_words(step)}" for number, step in enumerate(trace, 1))


def brief_run(trace: Iterable[RunStep]) -> str:
    """A run in few words: a handler that goes on is named by its number alone."""
    said: list[str] = []
    before = ""
    for step in trace:
        handler, mark, number = step.actor.partition(" #")
        who = f"#{number}" if mark and handler == before else step.actor
        text = step.text.replace(f"{handler} crashes before its next step", "crashes")
        said.append(f"{who}{f' → {step.to}' if step.to else ''}: {text}")
        before = handler
    return "; ".join(said)


def step_words(step: RunStep) -> str:
    """`shop #1 writes ..`: who, where to, what."""
    where = f" → {step.to}" if step.to else ""
    return f"{step.actor}{where}: {step.text}{' [fault]' if step.fault else ''}"


def step_with_changes(step: RunStep) -> str:
    """A step and what it changed."""
    return step_words(step) + (f" | {'; '.join(step.changes)}" if step.changes else "")
