"""The steps of a replayed run: what each of the checker's words does on the engines, and what is there after it."""

from __future__ import annotations

import re
from collections.abc import Callable

from data_integration_architect.lab.places import NOTHING, Guard, Place
from data_integration_architect.lab.played import AS_BEFORE, NEW_COPY, Notice, NotReplayable, Parts, Played, Stores
from data_integration_architect.lab.played_calls import IS_CALL, Calls
from data_integration_architect.lab.played_topics import Topics
from data_integration_architect.lab.played_transactions import Transactions
from data_integration_architect.modelcheck.verdict import Step
from data_integration_architect.topology import Write, walk_steps

LABEL = r"(?P<state>\w+ (?:write \d+|deletion \d+|operation \d+|as it was before|\d+ \(second id\)))"
PART = "unchanged part in "
NO_CONTENT: Notice = ("", "", "")


class World:
    """A system on real engines, and what its actors hold in their memory."""

    def __init__(self, run: Played) -> None:
        self.run = run
        self.stores, self.topics = Stores(run), Topics(run)
        self.transactions = Transactions(run, self.stores)
        self.calls = Calls()
        self.applied: dict[str, int] = {}
        """Store → operations that were added up in it."""
        self.versions: dict[str, int] = {}
        self.with_part: set[str] = set()
        """States whose write changed the record's large value too."""
        self.drawn: dict[str, int] = {}
        """Actor → version that it drew before its write."""
        self.notices: list[Notice] = []

    def close(self) -> None:
        self.calls.close()
        self.transactions.close()
        self.stores.close()

    def noticed(self) -> list[Notice]:
        """What the last step saw of the engines beside the changes."""
        found, self.notices = self.notices, []
        return found

    def take(self, step: Step) -> None:
        """Does on the engines what the step says. Raises: NotReplayable."""
        if IS_CALL.fullmatch(step.text):
            seen = self.calls.take(step)
            self.notices += [seen] if seen else []
            return
        if step.is_fault:
            self._fault(step)
            return
        for pattern, action in (_CAUSAL if self.run.verdict.property == "causal-order" else _ACTIONS).items():
            found = re.fullmatch(pattern, step.text)
            if found:
                action(self, step, found.groupdict())
                return
        raise NotReplayable(f"no translation of a step like “{step.text}”")

    def _fault(self, step: Step) -> None:
        if not _FAULTS.search(step.text):
            raise NotReplayable(f"no translation of a fault like “{step.text}”")
        if "expires, and it goes on" not in step.text:
            # What it had committed stays.
            self.transactions.forget(step.actor)

    # Rows

    def _step(self, step: Step) -> Write | None:
        """The handler's write to the store of a step."""
        handler_id = re.sub(r" (?:#|worker ).*", "", step.actor)
        for process_name, process in self.run.topology.processes.items():
            for handler_name, handler in process.handlers.items():
                if handler_id in {f"{process_name}.{handler_name}", process_name}:
                    for _, write in walk_steps(handler.steps, ()):
                        if isinstance(write, Write) and write.write == step.target.removeprefix(NEW_COPY):
                            return write
        return None

    def _guard(self, step: Step) -> Guard:
        """The version guard of the handler's write to this store."""
        write = self._step(step)
        if write is None or write.guard != "version":
            return None
        return "newer" if write.guard_compares in (None, "greater") else "not older"

    def _is_record(self, store: str) -> bool:
        """Whether runs say of this store that it has commits: it is the system of record."""
        said = f"commits in {store}"
        return any(change.what == said for step in self.run.verdict.trace for change in step.changes)

    def _version(self, state: str) -> int:
        """Position of a write among the commits of the run: the order of its number's first appearance."""
        return self.versions.setdefault(state.replace("deletion", "write"), len(self.versions) + 1)

    def write(self, step: Step, part: Parts) -> None:
        state = part["state"]
        if "operation" in state or "second id" in state:
            # An insert without a key that would refuse it: what counts is how often it was done.
            self.increment(step, part)
            return
        if step.actor in self.drawn:
            self.versions[state] = self.drawn.pop(step.actor)
        elif part.get("version"):
            self.versions[state] = int(part["version"])
        if part.get("large") == "with":
            self.with_part.add(state)
        version = self._version(state) if AS_BEFORE not in state else 0
        place = self.stores.at(step.target)
        before = place.state() if part.get("refused") else ""
        place.set(NOTHING if "deletion" in state else state, version, self._guard(step), self._part(step, state))
        if part.get("refused"):
            self.notices.append((step.target, place.state(), before))

    def _part(self, step: Step, state: str) -> str | None:
        """The large value that a write brings: its own, or what its event has in place of one that did not change."""
        if state in self.with_part or AS_BEFORE in state:
            return state
        if not any(change.what.startswith(PART) for s in self.run.verdict.trace for change in s.changes):
            return None
        if self._is_record(step.target):
            return None
        write = self._step(step)
        known = (write.placeholder if write else None) or ("skipped" if write and write.mode == "merge" else "stored")
        if known == "restored":
            return self.stores.at(next(s for s in self.run.topology.stores if self._is_record(s))).part()
        return None if known == "skipped" else "lost"

    def write_other(self, step: Step, part: Parts) -> None:
        """A write of a run whose labels leave out the word for it."""
        self.write(step, {"state": f"{part['entity']} write {part['of']}"})

    def draw_version(self, step: Step, part: Parts) -> None:
        self.drawn[step.actor] = int(part["version"])

    def swap(self, step: Step, part: Parts) -> None:
        """A new copy, filled before or now, takes the place of the old one in one step of the engine."""
        name = f"{NEW_COPY}{step.target}"
        old = self.stores.at(step.target)
        if name not in self.stores.known:
            state = part["state"]
            self.stores.at(name).set(state, 0 if AS_BEFORE in state else self._version(state), None, state)
        old.take_over(self.stores.known.pop(name))

    def commit(self, step: Step, part: Parts) -> None:
        """The transaction of an outbox: row and message together; another key's row is not the one that is watched."""
        self.transactions.commit(step.actor)
        if not part.get("another"):
            # Steps at an outbox name the table.
            changed = (change.what for change in step.changes if change.what in self.run.topology.stores)
            self.stores.at(next(changed, step.target)).set(part["state"], self._version(part["state"]))

    def increment(self, step: Step, part: Parts) -> None:
        place = self.stores.at(step.target)
        # Where the engine's unique key knows the id, nothing is applied.
        if not part.get("known"):
            place.add(part["state"])
            self._count(step.target)

    def _count(self, store: str) -> None:
        self.applied[store] = self.applied.get(store, 0) + 1

    def fill(self, step: Step, part: Parts) -> None:
        """A look-up that misses, and the read of the source: the value is held, and written by a later step."""
        cache, source = self.stores.at(step.target), self.stores.at(part["source"])
        if cache.state() != NOTHING:
            raise NotReplayable("the cache has an entry")
        if source.state() not in {c.after for s in self.run.verdict.trace for c in s.changes if c.what == step.target}:
            raise NotReplayable("the source holds another state than the one that is filled in later")

    def invalidate(self, step: Step, part: Parts) -> None:
        self.stores.at(step.target).set(NOTHING, 0)

    def held(self, step: Step, part: Parts) -> None:
        """An actor has something in its memory: nothing changes in any store."""

    # Records

    def append(self, step: Step, part: Parts) -> None:
        partition = {"old": 0, "new": 1}.get(part.get("which") or "", int(part.get("partition") or 0))
        self.topics.append(step.target, part["state"], partition)

    def grow(self, step: Step, part: Parts) -> None:
        self.topics.grow(step.target)

    def happen(self, step: Step, part: Parts) -> None:
        """An event of a causal run: a record in its channel, or a row where it is not sent yet."""
        if step.target in self.run.topology.channels:
            self.topics.append(step.target, step.text)
        else:
            self.transactions.note_event(step.actor)

    def read_event(self, step: Step, part: Parts) -> None:
        """The reader takes the next record of one channel, whatever lies unread in another."""
        read = self.topics.next_of(step.source).partition(" with ")[0].rstrip(",")
        self.notices.append((f"the record that {step.actor} reads", read, part["event"]))

    # Transactions

    def draw(self, step: Step, part: Parts) -> None:
        self.transactions.draw(step, part)

    def poll(self, step: Step, part: Parts) -> None:
        """Reads the smallest visible number above the cursor; what is committed below it later is never read."""
        self.transactions.see(int(part["number"]))
        if part.get("state"):
            self.write(step, {"state": part["state"]})

    def find(self, step: Step, part: Parts) -> None:
        self.notices.append(self.transactions.find(step, part))

    def remove(self, step: Step, part: Parts) -> None:
        self.notices.append(self.transactions.remove(step, part))

    def check(self, step: Step, part: Parts) -> None:
        self.transactions.check(step, part)

    def write_checked(self, step: Step, part: Parts) -> None:
        seen = self.transactions.write_checked(step)
        if seen is not None:
            self.notices.append(seen)

    def prepare(self, step: Step, part: Parts) -> None:
        self.transactions.prepare(step, part)

    def commit_prepared(self, step: Step, part: Parts) -> None:
        if "operation" in self.transactions.commit_prepared(step):
            self._count(step.target)

    # What is there

    def look(self, what: str, after: str) -> Notice:
        """Name of the store, what it holds, and what the model says; no name where it is no store's content."""
        outside = self.calls.look(what, after)
        if outside is not None:
            return outside
        store, _, rest = what.partition(":")
        if store in self.transactions.prepared and "prepared" in rest:
            count = self.transactions.count_prepared(store)
            return NO_CONTENT if count is None else (what, str(count), after)
        if what.startswith(PART):
            return what, self.stores.at(what.removeprefix(PART)).part(), after
        if what.startswith(NEW_COPY) and what in self.stores.known:
            return what, self.stores.known[what].state(), after
        if what not in self.run.topology.stores or not (after == NOTHING or re.fullmatch(LABEL, after)):
            found = re.fullmatch(r"(\w+)(?:, partition (\d+))?", what)
            if found and found[1] in self.topics.known:
                length = self.topics.length(found[1], int(found[2] or 0))
                return what, f"{length} records", after.split(",")[0]
            return NO_CONTENT
        return NO_CONTENT if what in self.applied else (what, self.stores.at(what).state(), after)

    def totals(self) -> list[tuple[Place, int]]:
        """Places in which operations were added up, with how many there were."""
        return [(self.stores.known[store], count) for store, count in self.applied.items()]


_Action = Callable[[World, Step, Parts], None]
_VERSION = r"\(version (?P<version>\d+)(?:, [\w ]+)?\)"

_ACTIONS: dict[str, _Action] = {
    rf"(?:again: )?write {LABEL}": World.write,
    rf"write {LABEL} \((?P<large>with|without) its large part\)": World.write,
    rf"write {LABEL} {_VERSION}": World.write,
    rf"write {LABEL} \((?P<refused>refused): [\w ]+\)": World.write,
    rf"begin, draw a version {_VERSION}": World.draw_version,
    rf"commit: append [\w ]+, write {LABEL}": World.commit,
    rf"swap in the new copy with {LABEL}": World.swap,
    rf"sends its row {LABEL}": World.append,
    rf"append {LABEL} \((?P<which>old|new) partition\)": World.append,
    r"gets more partitions; .*": World.grow,
    r"notes the end of the log as its (?:low|high) mark|drops its row: .*": World.held,
    r"look for (?P<entity>\w+): (?P<found>there|none)": World.find,
    r"delete (?P<entity>\w+)": World.remove,
    r"(?P<lease>takes the lease, )?check \w+: free": World.check,
    rf"(?:commit: )?write {LABEL}, append [\w ]+?(?P<another> \(another key\))?": World.commit,
    r"insert, draw a number \((?:another key, )?number (?P<number>\d+)\)": World.draw,
    r"reads number (?P<number>\d+) of another key": World.poll,
    rf"reads number (?P<number>\d+), write {LABEL}": World.poll,
    rf"append {LABEL}(?: \(partition (?P<partition>\d+)\))?": World.append,
    r"(?:takes|reads|look up the id of|remember the id of) .*|read|log the decision|delete nothing .*": World.held,
    rf"prepare {LABEL}": World.prepare,
    r"(?:returns, )?commits? .*": World.commit_prepared,
    r"write \w+": World.write_checked,
    rf"increment {LABEL}(?P<known> \(id already handled\))?": World.increment,
    r"increment (?P<state>\w+ write \d+)": World.write,
    r"look up; read (?P<source>\w+) on a miss \(miss\)": World.fill,
    r"invalidate \w+": World.invalidate,
    r"write (?P<entity>\w+) (?P<of>\d+)": World.write_other,
}

_CAUSAL: dict[str, _Action] = {
    r"(?:accepts|sees:) (?P<event>.+)": World.read_event,
    r".+": World.happen,
}

_FAULTS = re.compile(
    r"crashes|response lost|reads again|starts the record again|fails and is (ignored|skipped)"
    r"|fails alone and comes again|the id of .* is forgotten|partition moves to another instance"
    r"|the lease of .* expires"
)
