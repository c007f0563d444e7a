"""Flink SQL for computed results: read from the topic, deduplicated by the event's id, upserted into the result."""

from __future__ import annotations

from data_integration_architect.artifacts.plan import Plan
from data_integration_architect.artifacts.render import render
from data_integration_architect.topology import NONE, OnConsume, Topology, Write, walk_steps


def flink_files(topology: Topology, plan: Plan) -> dict[str, str]:
    """One job for each handler that computes a result from a topic."""
    files: dict[str, str] = {}
    for process_name, process in topology.processes.items():
        for handler_name, handler in process.handlers.items():
            trigger = handler.trigger
            if handler.computes is None or not isinstance(trigger, OnConsume) or trigger.consume not in plan.topics:
                continue
            topic = plan.topics[trigger.consume]
            event = topology.channels[trigger.consume].event
            written = next((s for _, s in walk_steps(handler.steps, ()) if isinstance(s, Write)), None)
            identity = event.id if event.id not in (None, NONE) else "event_id"
            files[f"flink/{plan.names.plain(handler.computes.result)}.sql"] = render(
                "flink.sql",
                topic=topic,
                handler=f"{process_name}.{handler_name}",
                result=plan.names.plain(handler.computes.result),
                identity=plan.names.plain(str(identity)),
                key=topic.key.split("+")[0] if topic.key else "aggregate_key",
                store=written.write if written is not None else "the result's store",
                late=handler.computes.late or "correct",
            )
    return files
