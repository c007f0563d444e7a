"""How changes can leave a store: what its product offers, and whether an outbox fits into its transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data_integration_architect.analysis.view import View

Feed = Literal["log", "stream", "notification", "trigger", "query", "none"]
# Products for rows or documents of an application; an outbox table in a warehouse or a search index is no outbox.
OPERATIONAL = {"relational", "document", "wide-column", "key-value", "graph", "vector"}
OVER_SEVERAL_ROWS = {"instance", "batch"}


@dataclass(frozen=True)
class Source:
    """What is known of a store as a source of changes; `feed` and `product` are None where the product is not known."""

    name: str
    product: str | None
    feed: Feed | None
    takes_outbox: bool
    """Whether one local transaction can cover a change and a row that announces it; True where nobody knows."""

    @property
    def has_log(self) -> bool:
        """Whether others can follow every committed change; True where the product is not known."""
        return self.feed in {None, "log", "stream"}

    @property
    def without(self) -> str:
        """Why no log of it can be followed, as a clause."""
        offers = {
            "notification": "only tells that an object changed",
            "query": "can be asked what changed, and sends nothing by itself",
            "trigger": "offers triggers, and no log that others can follow",
        }.get(self.feed or "", "has no change feed that survives a disconnect")
        return f"{self.product} ({self.name}) {offers}"


def source_of(view: View, name: str) -> Source:
    """Judged by the entry of the product in the catalog, slots "change feed" and "transaction scope"."""
    head = view.system.technology(name)
    if head is None:
        return Source(name, None, None, takes_outbox=True)
    takes = head.kind in OPERATIONAL and head.transaction_scope_kind in OVER_SEVERAL_ROWS
    return Source(name, head.name, head.change_feed_kind, takes)
