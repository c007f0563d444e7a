"""What is planned and not there yet, and what is temporary: windows of a migration with or without an end."""

from __future__ import annotations

from dataclasses import dataclass

from data_integration_architect.analysis.memory import remembered
from data_integration_architect.analysis.system import Effect, System
from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.base import Element

NO_END = {"", "none", "never", "open", "unknown", "no date", "n/a"}


@dataclass(frozen=True)
class Window:
    """The temporary element nearest to an effect, and what is said about its end on it or on the elements around it."""

    path: DocumentPath
    until: str | None
    exit_criterion: str | None

    @property
    def is_bounded(self) -> bool:
        """Whether both a date and a measurable criterion end it."""
        return all(end is not None and not has_no_end(end) for end in (self.until, self.exit_criterion))


def has_no_end(text: str) -> bool:
    """Whether a date or criterion says that there is none."""
    return text.strip().lower() in NO_END


@remembered
def is_planned(system: System, effect: Effect) -> bool:
    """Whether an effect does not happen today: its step, handler, process or target is planned."""
    return any(element.status == "planned" for _, element in _around(system, effect))


def window_of(system: System, effect: Effect) -> Window | None:
    """The migration window that an effect belongs to; None where nothing about it is temporary."""
    temporary = [(path, element) for path, element in _around(system, effect) if element.status == "temporary"]
    if not temporary:
        return None
    until = next((element.until for _, element in temporary if element.until is not None), None)
    criterion = next((e.exit_criterion for _, e in temporary if e.exit_criterion is not None), None)
    return Window(temporary[0][0], until, criterion)


def _around(system: System, effect: Effect) -> list[tuple[DocumentPath, Element]]:
    """The step, the blocks and handler and process around it, and its target, the nearest first."""
    site = effect.site
    found: list[tuple[DocumentPath, Element]] = [(effect.path, effect.step)]
    found += [(path, block) for path, block in reversed(effect.blocks)]
    found += [(site.path, site.handler), (site.path[:2], site.process)]
    store, channel = system.store(effect.target), system.channel(effect.target)
    if store is not None:
        found.append((("stores", effect.target), store))
    if channel is not None:
        found.append((("channels", effect.target), channel))
    return found
