"""A request that may be repeated gets its operation id on the server, so a repetition is a new operation.

Decides from the request's operation id and from what its effects do, those behind an append included. Cannot see
whether the server recognises a repetition by the fields of the request, unless they are the natural key.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_integration_architect.analysis.facts import Facts
from data_integration_architect.analysis.loss import effects_behind
from data_integration_architect.analysis.match import Match
from data_integration_architect.analysis.protection import is_refused_by_meaning, request_of
from data_integration_architect.analysis.repetition import Harm, heavy_effects, lasting_consequence
from data_integration_architect.analysis.severity import Target
from data_integration_architect.analysis.system import Effect, HandlerSite
from data_integration_architect.analysis.view import View
from data_integration_architect.topology import NONE, Append

Site = tuple[HandlerSite, tuple[tuple[Effect, Harm], ...]]


def sites(view: View) -> Iterator[Site]:
    for site in view.system.handlers.values():
        request = request_of(site)
        # Where nothing is said about repetition or ids, asking would be idle for every request.
        if request is None or (request.retries is None and request.operation_id is None):
            continue
        heavy = [pair for pair in heavy_effects(view.system, site) if not is_refused_by_meaning(view.system, pair[0])]
        heavy = heavy or _logged(view, site)
        if heavy:
            yield site, tuple(heavy)


def _logged(view: View, site: HandlerSite) -> list[tuple[Effect, Harm]]:
    """Operations that a request logs under an id of the server: with another id each is another operation."""
    request = request_of(site)
    made = request.operation_id if request is not None else None
    if made is None or made.made_by not in {None, "server"}:
        return []
    return [
        (effect, "twice")
        for effect in site.changes
        if isinstance(effect.step, Append)
        and effect.step.operation_id in {"passed", "new"}
        and view.record_of(effect.entity) == effect.target
    ]


def _seen_at(view: View, site: HandlerSite, heavy: tuple[tuple[Effect, Harm], ...]) -> tuple[Target, ...]:
    """The effects themselves, and what the records that they append bring about further on."""
    found = [effect for effect, _ in heavy]
    if any(isinstance(effect.step, Append) for effect in found):
        found += [effect for effect in effects_behind(view, site) if effect not in found]
    return tuple(Target(effect.target, effect.entity) for effect in found)


def judge(view: View, place: Site, facts: Facts) -> Match | None:
    site, heavy = place
    request = request_of(site)
    path = (*site.path, "trigger", "request")
    if request is None or not facts.ask(
        (*path, "retries"),
        request.retries,
        (True, False),
        f"Does the caller of {site.id}, its library or the person repeat a request that seemed to fail?",
    ):
        return None
    made = request.operation_id
    if made is not None and made.survives_retry:
        return None
    if made is None or made.survives_retry is None:
        made_by = facts.ask(
            (*path, "operation_id", "made_by"),
            made.made_by if made is not None else None,
            ("server", "client"),
            f"Who makes the id of the operation that {site.id} is asked for, and when?",
        )
        if made_by == NONE:
            # Effects of the handler itself are another anti-pattern; what it sends on gets a new identity each time.
            heavy = tuple(pair for pair in heavy if isinstance(pair[0].step, Append))
        if made_by in {"client", "event"} or not heavy:
            return None
    targets = tuple(dict.fromkeys(effect.target for effect, _ in heavy))
    return Match(
        elements=(site.id, *targets),
        at=(*path, "operation_id"),
        summary=(
            f"every try of a request to {site.id} gets a new operation id, so a request that is repeated after a lost "
            f"answer is taken for another one and applied again through {' and '.join(targets)}"
        ),
        consequence=lasting_consequence(harm for _, harm in heavy),
        targets=_seen_at(view, site, heavy),
        shows=frozenset({"duplicate", "wrong-total"}),
    )
