"""Precision, recall and F1 of the configuration readers on microSecEnD, for stores, brokers and flows.

usage: python benchmarks/microsecend.py DATASET APPLICATIONS [--list]

DATASET is a checkout of tuhh-softsec/microSecEnD; APPLICATIONS holds one checkout per application, in folders named
`owner_repository` (case does not matter). Applications without a checkout are named and left out.

What is compared:
- stores: nodes that are a database or a search engine (databases inside a program are no nodes of the dataset);
- brokers: nodes that are a message broker;
- data flows: flows between a service and a store or broker;
- flows: all flows between components, the ones above included.
A node is found if a found store has its name, or its technology and a service that it has a flow with. A flow is the
unordered pair of its ends: the dataset's directions follow the wording of each configuration, not the data.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from microsecend_landscape import landscape

from data_integration_architect.scanners.config.configfacts import Fact
from data_integration_architect.scanners.config.draft import Draft, draft
from data_integration_architect.scanners.config.inventory import used
from data_integration_architect.scanners.config.registry import is_candidate, read_config

STORE_MARKS = {"database", "external_database", "search_engine"}
BROKER_MARKS = {"message_broker"}
CLASSES = ("stores", "brokers", "data flows", "flows")


@dataclass
class Count:
    """Hits, false alarms and misses of one class."""

    found: int = 0
    extra: int = 0
    missed: int = 0
    details: list[str] = field(default_factory=list)

    def add(self, truth: set[Any], ours: set[Any]) -> None:
        self.found += len(truth & ours)
        self.extra += len(ours - truth)
        self.missed += len(truth - ours)
        self.details += [f"missed {_show(item)}" for item in sorted(truth - ours, key=_show)]
        self.details += [f"extra {_show(item)}" for item in sorted(ours - truth, key=_show)]

    def figures(self) -> tuple[float, float, float]:
        precision = self.found / (self.found + self.extra) if self.found + self.extra else 1.0
        recall = self.found / (self.found + self.missed) if self.found + self.missed else 1.0
        return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _show(item: Any) -> str:
    return " -- ".join(sorted(item)) if isinstance(item, frozenset) else str(item)


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def facts_of(root: Path) -> list[Fact]:
    """Facts of every file below `root` that a configuration reader takes."""
    facts: list[Fact] = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if path.is_file() and not path.is_symlink() and is_candidate(relative) and path.stat().st_size < 2_000_000:
            facts += read_config(relative, path.read_text(encoding="utf-8", errors="replace"))
    return facts


def truth_of(model: dict[str, Any]) -> dict[str, set[Any]]:
    """The dataset's model as sets of node names and unordered pairs."""
    nodes = [*model["services"], *model.get("external_entities", [])]
    stores = {plain(n["name"]) for n in nodes if STORE_MARKS & set(n["stereotypes"])}
    brokers = {plain(n["name"]) for n in nodes if BROKER_MARKS & set(n["stereotypes"])}
    flows = {frozenset((plain(f["sender"]), plain(f["receiver"]))) for f in model["information_flows"]}
    return {
        "stores": stores,
        "brokers": brokers,
        "data flows": {f for f in flows if f & (stores | brokers)},
        "flows": flows,
    }


def ours_of(made: Draft, facts: list[Fact], model: dict[str, Any], root: Path) -> dict[str, set[Any]]:
    """The draft in the dataset's names: a found element takes the name of the node that it is, else keeps its own."""
    nodes = {plain(n["name"]): n for n in [*model["services"], *model.get("external_entities", [])]}
    names = _program_names(made, nodes)
    several: dict[str, list[str]] = {}
    reached: dict[str, set[str]] = {}
    for link in made.links:
        reached.setdefault(link.target, set()).add(names.get(link.program, plain(link.program)))
    truth_flows = [(plain(f["sender"]), plain(f["receiver"])) for f in model["information_flows"]]
    stores: set[Any] = set()
    brokers: set[Any] = set()
    for store in made.inventory.stores:
        if store.embedded_in:
            continue
        matches = _nodes_of(store, reached.get(store.name, set()), nodes, truth_flows)
        names[store.name] = matches[0] if matches else plain(store.name)
        several[store.name] = matches
        if store.is_broker:
            brokers.add(names[store.name])
        elif store.category != "coordination":
            stores |= set(matches) or {plain(store.name)}
    pairs = set()
    inside = {store.name for store in made.inventory.stores if store.embedded_in}
    for link in made.links:
        if link.target in inside:
            continue
        program, target = names.get(link.program, plain(link.program)), names.get(link.target, plain(link.target))
        for match in several.get(link.target, ()):
            # The dataset has a node per service where several services use one database server.
            target = match if {(match, program), (program, match)} & set(truth_flows) else target
        pairs.add(frozenset((program, target)))
    pairs |= {
        frozenset((names.get(f.subject, plain(f.subject)), names.get(f.text("host"), "")))
        for f in facts
        if f.kind == "link" and f.text("technology") == "zookeeper" and f.text("host") in names
    }
    pairs = {pair for pair in pairs if len(pair) == 2}
    pairs |= landscape(made, facts, root, names)
    data = {pair for pair in pairs if pair & (stores | brokers)}
    return {"stores": stores, "brokers": brokers, "data flows": data, "flows": pairs}


def _program_names(made: Draft, nodes: dict[str, Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    loggers = [name for name, node in nodes.items() if "logging_server" in node["stereotypes"]]
    for program in made.inventory.programs:
        aliases = sorted(program.aliases, key=len, reverse=True)
        exact = next((alias for alias in aliases if alias in nodes), "")
        if not exact and len(loggers) == 1 and plain(program.name) in {"elk", "logstash"}:
            exact = loggers[0]  # One container with the whole stack is called by its part that takes logs.
        names[program.name] = exact or plain(program.name)
    return names


def _nodes_of(store: Any, services: set[str], nodes: dict[str, Any], flows: Iterable[tuple[str, str]]) -> list[str]:
    exact = [alias for alias in sorted(store.aliases | {plain(store.name)}) if alias in nodes]
    if exact:
        return exact[:1]
    marks = BROKER_MARKS if store.is_broker else STORE_MARKS
    found = []
    for name, node in nodes.items():
        if not marks & set(node["stereotypes"]):
            continue
        stated = plain(
            " ".join(
                str(v)
                for k, v in node.get("tagged_values", {}).items()
                if k in {"Database", "Message Broker", "Search Engine"}
            )
        )
        near = {a for pair in flows for a in pair if name in pair and a != name}
        if (not stated or stated in plain(store.technology) or plain(store.technology) in stated) and services & near:
            found.append(name)
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("applications", type=Path)
    arguments.add_argument("--list", action="store_true", help="print what was missed and what was extra")
    given = arguments.parse_args()
    folders = {path.name.lower(): path for path in given.applications.iterdir() if path.is_dir()}
    total = {name: Count() for name in CLASSES}
    absent = []
    print(f"{'application':62}" + "".join(f"{name:>12}" for name in CLASSES))
    for model_path in sorted(given.dataset.glob("dataset/*/*.json")):
        if model_path.stem != model_path.parent.name:
            continue
        root = folders.get(model_path.stem.lower())
        if root is None:
            absent.append(model_path.stem)
            continue
        model = json.loads(model_path.read_text(encoding="utf-8"))
        facts = facts_of(root)
        truth, ours = truth_of(model), ours_of(draft(facts), used(facts), model, root)
        row = []
        for name in CLASSES:
            own = Count()
            own.add(truth[name], ours[name])
            total[name].add(truth[name], ours[name])
            row.append(f"{own.figures()[2]:12.2f}" if truth[name] or ours[name] else f"{'-':>12}")
            if given.list:
                for detail in own.details:
                    print(f"    {name}: {detail}")
        print(f"{model_path.stem:62}" + "".join(row))
    for label, index in (("precision", 0), ("recall", 1), ("F1", 2)):
        print(f"{label:62}" + "".join(f"{total[name].figures()[index]:12.3f}" for name in CLASSES))
    counted = "".join(f"{total[name].found + total[name].missed:12d}" for name in CLASSES)
    print(f"{'items in the ground truth':62}{counted}")
    if absent:
        print(f"without a checkout: {', '.join(absent)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
