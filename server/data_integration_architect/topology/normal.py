"""The normal form: short forms rewritten to handlers, so that engines see handlers only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_integration_architect.files import DocumentPath
from data_integration_architect.topology.model import Topology
from data_integration_architect.topology.short_forms import Cache, Capture, Consumer, Job
from data_integration_architect.topology.steps import (
    Append,
    Handler,
    Invalidate,
    Process,
    Read,
    Step,
    Transaction,
    Write,
    walk_steps,
)
from data_integration_architect.topology.triggers import OnChanges, OnConsume, OnRequest, OnSchedule

HANDLER = "run"


@dataclass(frozen=True)
class NormalForm:
    """A topology without short forms; `origins` maps its paths to those of the document, longest prefix first."""

    topology: Topology
    origins: Mapping[DocumentPath, DocumentPath] = field(default_factory=dict)

    def document_path(self, path: DocumentPath) -> DocumentPath:
        """Where the fact at `path` of the normal form stands in the document that was read."""
        for end in range(len(path), 0, -1):
            origin = self.origins.get(path[:end])
            if origin is not None:
                return (*origin, *path[end:])
        return path


def normalize(topology: Topology) -> NormalForm:
    """`topology` with every short form rewritten to a process of the same name with one handler `run`."""
    if not (topology.captures or topology.consumers or topology.jobs or topology.caches):
        return NormalForm(topology)
    written = _written_entities(topology)
    processes: dict[str, Process] = dict(topology.processes)
    origins: dict[DocumentPath, DocumentPath] = {}
    for name, cache in topology.caches.items():
        entities = _entities(cache.entity, written.get(cache.of, ()))
        for writer in topology.processes:
            processes[writer] = _with_invalidation(processes[writer], writer, cache, entities, origins, name)
        processes[name] = _cache_process(cache, entities, name, origins)
    for name, capture in topology.captures.items():
        processes[name] = _capture_process(capture, written.get(capture.from_, ()), topology, name, origins)
    appended: dict[str, dict[str, None]] = {}
    for process in processes.values():
        _note_appended(process, appended)
    for name, consumer in topology.consumers.items():
        channel = topology.channels.get(consumer.from_)
        carried = channel.carries if channel and channel.carries else tuple(appended.get(consumer.from_, ()))
        processes[name] = _consumer_process(consumer, carried, topology, name, origins)
        _note_appended(processes[name], appended)
    for name, job in topology.jobs.items():
        processes[name] = _job_process(job, written.get(job.from_, ()), topology, name, origins)
    normal = topology.model_copy(
        update={"processes": processes, "captures": {}, "consumers": {}, "jobs": {}, "caches": {}}
    )
    return NormalForm(normal, origins)


def _written_entities(topology: Topology) -> dict[str, tuple[str, ...]]:
    """Store → entities that some handler or declaration puts there, in order of appearance."""
    found: dict[str, dict[str, None]] = {}
    for process in topology.processes.values():
        for handler in process.handlers.values():
            for _, step in walk_steps(handler.steps, ()):
                if isinstance(step, Write) and step.entity:
                    found.setdefault(step.write, {})[step.entity] = None
    for name, entity in topology.entities.items():
        if entity.system_of_record:
            found.setdefault(entity.system_of_record, {})[name] = None
    return {store: tuple(entities) for store, entities in found.items()}


def _note_appended(process: Process, appended: dict[str, dict[str, None]]) -> None:
    """Adds to channel → entities that are appended to it, in order of appearance."""
    for handler in process.handlers.values():
        for _, step in walk_steps(handler.steps, ()):
            if isinstance(step, Append) and step.entity:
                appended.setdefault(step.append, {})[step.entity] = None


def _entities(given: Any, default: Iterable[str]) -> tuple[str | None, ...]:
    if isinstance(given, str):
        return (given,)
    return tuple(given or default) or (None,)


_FORM_ATTRIBUTES = {
    "from_", "to", "entity", "mode", "guard", "placeholder", "instances", "status", "note", "values", "missing_source",
    "operation_id", "retry", "dead_letter", "dedup", "computes", "until", "exit_criterion", "evidence",
}  # fmt: skip
_STEP_ATTRIBUTES = ("mode", "guard", "values", "missing_source", "placeholder", "operation_id", "retry", "dead_letter")


def _said(form: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(form, name) for name in names if getattr(form, name, None) is not None}


def _trigger_facts(form: Any) -> dict[str, Any]:
    return {name: getattr(form, name) for name in form.model_fields_set if name not in _FORM_ATTRIBUTES}


def _effect_steps(form: Any, entities: Iterable[str | None], topology: Topology) -> tuple[Step, ...]:
    steps: list[Step] = []
    for entity in entities:
        facts = _said(form, _STEP_ATTRIBUTES)
        if form.to in topology.channels:
            steps.append(Append(append=form.to, entity=entity, **_only(Append, facts)))
        else:
            steps.append(Write(write=form.to, entity=entity, **_only(Write, facts)))
    return tuple(steps)


def _only(model: type[Append] | type[Write], facts: Mapping[str, Any]) -> dict[str, Any]:
    guards = {"none", "idempotent-producer", "transaction"}
    return {
        name: value
        for name, value in facts.items()
        if name in model.model_fields and not (model is Append and name == "guard" and value not in guards)
    }


def _process(name: str, form: Any, handler: Handler, group: str, origins: dict[DocumentPath, DocumentPath]) -> Process:
    path: DocumentPath = ("processes", name)
    form_path: DocumentPath = (group, name)
    origins[path] = form_path
    origins[(*path, "handlers", HANDLER)] = form_path
    origins[(*path, "handlers", HANDLER, "trigger")] = form_path
    for step_path, step in walk_steps(handler.steps, (*path, "handlers", HANDLER, "steps")):
        origins[step_path] = form_path
        for attribute in ("write", "append"):
            if hasattr(step, attribute):
                origins[(*step_path, attribute)] = (*form_path, "to")
    facts = _said(form, ("instances", "status", "note", "until", "exit_criterion", "evidence"))
    return Process(handlers={HANDLER: handler}, **facts)


def _capture_process(
    form: Capture, written: tuple[str, ...], topology: Topology, name: str, origins: dict[DocumentPath, DocumentPath]
) -> Process:
    trigger = OnChanges(**{**_trigger_facts(form), "changes": form.from_})
    channel = topology.channels.get(form.to)
    # what a channel is said to carry names the tables that the capture sends to it
    captured = channel.carries if channel is not None and channel.carries else written
    steps = _effect_steps(form, _entities(form.entity, captured), topology)
    return _process(name, form, Handler(trigger=trigger, steps=steps), "captures", origins)


def _consumer_process(
    form: Consumer, carried: tuple[str, ...], topology: Topology, name: str, origins: dict[DocumentPath, DocumentPath]
) -> Process:
    trigger = OnConsume(**{**_trigger_facts(form), "consume": form.from_})
    steps = _effect_steps(form, _entities(form.entity, carried), topology)
    handler = Handler(trigger=trigger, steps=steps, **_said(form, ("dedup", "computes")))
    return _process(name, form, handler, "consumers", origins)


def _job_process(
    form: Job, written: tuple[str, ...], topology: Topology, name: str, origins: dict[DocumentPath, DocumentPath]
) -> Process:
    entities = _entities(form.entity, written)
    reads: tuple[Step, ...] = tuple(Read(read=form.from_, entity=entity) for entity in entities)
    steps = reads + _effect_steps(form, entities, topology)
    trigger = OnSchedule(**{**_trigger_facts(form), "every": form.every})
    handler = Handler(trigger=trigger, steps=steps, **_said(form, ("computes",)))
    process = _process(name, form, handler, "jobs", origins)
    for index in range(len(reads)):
        origins[("processes", name, "handlers", HANDLER, "steps", index, "read")] = ("jobs", name, "from")
    return process


def _cache_process(
    form: Cache, entities: tuple[str | None, ...], name: str, origins: dict[DocumentPath, DocumentPath]
) -> Process:
    steps: list[Step] = []
    for entity in entities:
        fill: tuple[Step, ...] = (
            Read(read=form.filled_from or form.of, entity=entity),
            Write(write=form.in_, entity=entity, **_said(form, ("guard",))),
        )
        steps.append(Read(read=form.in_, entity=entity, on_miss=fill))
    handler = Handler(trigger=OnRequest(request={}), steps=tuple(steps))
    return _process(name, form, handler, "caches", origins)


def _with_invalidation(
    process: Process,
    process_name: str,
    cache: Cache,
    entities: tuple[str | None, ...],
    origins: dict[DocumentPath, DocumentPath],
    cache_name: str,
) -> Process:
    """`process` with a deletion of the cache entry beside each write of a cached entity to the cached store."""
    if cache.invalidate == "none":
        return process
    handlers = dict(process.handlers)
    for handler_name, handler in process.handlers.items():
        path: DocumentPath = ("processes", process_name, "handlers", handler_name, "steps")
        weaver = _Weaver(cache, set(entities), origins, ("caches", cache_name))
        steps = weaver.weave(handler.steps, path, path, inside=False)
        if weaver.woven:
            handlers[handler_name] = handler.model_copy(update={"steps": steps})
    return process.model_copy(update={"handlers": handlers})


@dataclass
class _Weaver:
    cache: Cache
    entities: set[str | None]
    origins: dict[DocumentPath, DocumentPath]
    cache_path: DocumentPath
    woven: bool = False

    def weave(self, steps: tuple[Step, ...], path: DocumentPath, old: DocumentPath, inside: bool) -> tuple[Step, ...]:
        result: list[Step] = []
        for index, step in enumerate(steps):
            old_path = self.origins.get((*old, index), (*old, index))
            hits = self._hits(step)
            before = hits and self.cache.invalidate == "before-commit" and not inside and isinstance(step, Write)
            if before:
                self._add(result, path, hits)
            if isinstance(step, Transaction):
                here = (*path, len(result))
                inner = step.steps
                if hits and self.cache.invalidate == "before-commit":
                    inner = self.weave(step.steps, (*here, "steps"), (*old_path, "steps"), inside=True)
                    added: list[Step] = list(inner)
                    self._add(added, (*here, "steps"), hits)
                    inner = tuple(added)
                step = step.model_copy(update={"steps": inner})
            self.origins[(*path, len(result))] = old_path
            result.append(step)
            if hits and not inside and self.cache.invalidate == "after-commit":
                self._add(result, path, hits)
        return tuple(result)

    def _hits(self, step: Step) -> list[str | None]:
        inner = [found for _, found in walk_steps((step,), ())]
        return [
            entity
            for entity in sorted(self.entities, key=str)
            if any(isinstance(s, Write) and s.write == self.cache.of and entity in (s.entity, None) for s in inner)
        ]

    def _add(self, result: list[Step], path: DocumentPath, entities: list[str | None]) -> None:
        for entity in entities:
            self.origins[(*path, len(result))] = self.cache_path
            result.append(Invalidate(invalidate=self.cache.in_, entity=entity, **_said(self.cache, ("retry",))))
            self.woven = True
