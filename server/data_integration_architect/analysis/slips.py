"""Words that may be slips: products that the catalog does not know. No error, since a product may be new to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_integration_architect.analysis.channel_kinds import CHANNEL_WORDS, channel_word
from data_integration_architect.analysis.system import System
from data_integration_architect.files import DocumentPath


@dataclass(frozen=True)
class Slip:
    """A word at a path of the normal form, and the known one that it may be a misspelling of."""

    path: DocumentPath
    word: str
    nearest: str | None


def slips_of(system: System) -> Iterator[Slip]:
    """Technologies and engines that are not known. An outside system is whatever its owner runs."""
    catalog, topology = system.catalog, system.topology
    for name, store in topology.stores.items():
        word = store.technology
        if word and not store.external and catalog.technology(word) is None:
            yield Slip(("stores", name, "technology"), word, catalog.nearest_technology(word))
    for name, channel in topology.channels.items():
        word = channel.technology
        if word and catalog.technology(word) is None and channel_word(word) not in CHANNEL_WORDS:
            yield Slip(("channels", name, "technology"), word, catalog.nearest_technology(word))
    for process_name, process in topology.processes.items():
        for handler_name, handler in process.handlers.items():
            word = handler.computes.engine if handler.computes else None
            if word and catalog.engine(word) is None:
                path = ("processes", process_name, "handlers", handler_name, "computes", "engine")
                yield Slip(path, word, catalog.nearest_engine(word))
