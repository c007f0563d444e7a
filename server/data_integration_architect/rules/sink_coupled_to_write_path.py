"""A request fails or hangs when a derived or outside sink is away, although its own record could be written.

One finding for each sink of a process, so that none hides another. Misses: cache invalidation and appends to a
broker, which are judged by other rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.lifecycle import is_planned
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.severity import Consequence, Target
from data_integration_architect.analysis.system import Effect
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import Append, Call, Write

Site = tuple[Effect, ...]

FAILS_THE_REQUEST = {"raise", "block"}


def sites(view: View) -> Iterator[Site]:
    """The waits of each process on each sink that its records do not need."""
    found: dict[tuple[str, str], list[Effect]] = {}
    for site in view.system.handlers.values():
        if site.is_direct:
            records = [e for e in site.changes if _is_record(view, e)]
            for wait in site.changes:
                if _waits(view, wait) and _apart(view, wait, records):
                    found.setdefault((site.process_name, wait.target), []).append(wait)
    yield from (tuple(waits) for waits in found.values())


def _is_record(view: View, effect: Effect) -> bool:
    owner = view.record_of(effect.entity)
    return (
        isinstance(effect.step, Write | Append)
        and owner is not None
        and view.system.same_instance(owner, effect.target)
    )


def _apart(view: View, effect: Effect, records: list[Effect]) -> bool:
    """Whether the handler has a record of its own, on another database and not in one commit with the sink."""
    system = view.system
    return bool(records) and not any(
        system.same_instance(effect.target, r.target) or system.share_transaction(effect, r) for r in records
    )


def _waits(view: View, effect: Effect) -> bool:
    step, system = effect.step, view.system
    then = _then(effect)
    if effect.on_miss or step.wait is False or is_planned(system, effect) or then not in {None, *FAILS_THE_REQUEST}:
        return False
    if isinstance(step, Append):
        return system.channel_kind(effect.target) == "webhook"
    if isinstance(step, Call):
        # A charge or a reservation is what the request is for; a notification is not.
        return step.kind == "notify" or (step.kind is None and then is not None)
    return isinstance(step, Write) and (effect.entity is not None or system.is_typically_derived(effect.target))


def _then(effect: Effect) -> str | None:
    return effect.step.retry.then if effect.step.retry else None


def judge(view: View, site: Site, facts: Facts) -> Match | None:
    sure = [e for e in site if _then(e) and not (isinstance(e.step, Call) and e.step.kind is None)]
    if not sure and not _asked(site[0], facts):
        return None
    # Where nobody said what happens, the finding is about the one wait that the question names.
    waits = sure or [site[0]]
    handlers = sorted({effect.site.id for effect in waits})
    first = waits[0]
    wait, fail = ("waits", "fails") if len(handlers) == 1 else ("wait", "fail")
    return Match(
        elements=(*handlers, first.target),
        at=first.path,
        summary=(
            f"{' and '.join(handlers)} {wait} for {first.target} and {fail} with it: while it is slow or away, "
            f"requests fail although their own record could be written"
        ),
        consequence=Consequence("availability"),
        targets=(Target(first.target),),
        shows=frozenset({"blocked"}),
    )


def _asked(effect: Effect, facts: Facts) -> bool:
    if _then(effect):
        ask = f"What does {effect.site.id} make {effect.target} do?"
        return bool(facts.ask((*effect.path, "kind"), None, ("notify", "other"), ask) == "notify")
    ask = f"What happens to the request of {effect.site.id} when {effect.target} does not answer?"
    return bool(facts.ask((*effect.path, "retry", "then"), None, ("raise", "ignore"), ask) == "raise")
