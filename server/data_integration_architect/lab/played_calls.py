"""Outside systems of a replayed run: servers of their own that keep each effect that they were asked for."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from data_integration_architect.lab.places import NOTHING
from data_integration_architect.lab.played import Notice, NotReplayable, Parts
from data_integration_architect.modelcheck.verdict import Step

TIMEOUT_SECONDS = 0.3
ANSWER_SECONDS = 20.0
_OPERATION = re.compile(r"(?P<entity>\w+) (?:operation )?(?P<number>\d+)(?: \(second id\))?")
_COUNTED = re.compile(r"number of effects (?P<back>taken back )?at (?P<system>\w+)\b.*")


class Outside:
    """A stand-in for an outside system: it knows no request again, so that each one that arrives has its effect."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.taken_back: list[str] = []
        self.goes_on = threading.Event()
        self.arrived = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def _handler(outside) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, outside.effects)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/held":
                    outside.goes_on.wait(ANSWER_SECONDS)
                if self.path == "/refused":
                    self._answer(409, None)
                    return
                if self.path == "/careful" and len(outside.effects) <= len(outside.taken_back):
                    self._answer(404, None)
                    return
                place = outside.taken_back if self.path in {"/back", "/careful"} else outside.effects
                place.append(body)
                outside.arrived.set()
                if self.path == "/unanswered":
                    self.close_connection = True
                    return
                self._answer(200, len(place))

            def _answer(self, status: int, content: object) -> None:
                text = json.dumps(content).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    # The caller gave up meanwhile.
                    self.close_connection = True

            def log_message(self, format: str, *values: Any) -> None:
                return

        return Handler

    def ask(
        self, method: str, path: str, effect: str | None = None, seconds: float = ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """Status and content of the answer. Raises: OSError where none comes."""
        port = int(self.server.server_address[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request(method, path, None if effect is None else json.dumps(effect))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        self.goes_on.set()
        self.server.shutdown()
        self.server.server_close()


class Calls:
    """The outside systems that the steps of a run name."""

    def __init__(self) -> None:
        self.known: dict[str, Outside] = {}

    def at(self, system: str) -> Outside:
        if system not in self.known:
            self.known[system] = Outside()
        return self.known[system]

    def close(self) -> None:
        for outside in self.known.values():
            outside.close()

    def take(self, step: Step) -> Notice | None:
        """Does what the step says; what it saw of the answer. Raises: NotReplayable."""
        for pattern, action in _ACTIONS.items():
            found = re.fullmatch(pattern, step.text)
            if found:
                return action(self, step, found.groupdict())
        raise NotReplayable(f"no translation of a call like “{step.text}”")

    def call(self, step: Step, part: Parts) -> Notice:
        status, _ = self.at(step.target).ask("POST", "/", part["what"])
        return f"the answer of {step.target}", str(status), "200"

    def call_refused(self, step: Step, part: Parts) -> Notice:
        status, _ = self.at(step.target).ask("POST", "/refused", part["what"])
        return f"the answer of {step.target}", str(status), "409"

    def call_held(self, step: Step, part: Parts) -> Notice:
        """The caller gives up before the answer; the request stays at the server."""
        return self._unanswered(step, part, "/held", TIMEOUT_SECONDS)

    def call_unanswered(self, step: Step, part: Parts) -> Notice:
        return self._unanswered(step, part, "/unanswered", ANSWER_SECONDS)

    def _unanswered(self, step: Step, part: Parts, path: str, seconds: float) -> Notice:
        try:
            status, _ = self.at(step.target).ask("POST", path, part["what"], seconds)
        except OSError:
            return f"the answer of {step.target}", "none", "none"
        return f"the answer of {step.target}", str(status), "none"

    def go_on(self, step: Step, part: Parts) -> None:
        """What was under way takes effect now."""
        outside = self.at(step.target)
        outside.goes_on.set()
        if not outside.arrived.wait(ANSWER_SECONDS):
            raise NotReplayable("the call that was under way did not arrive")

    def ask_outcome(self, step: Step, part: Parts) -> Notice:
        _, effects = self.at(step.target).ask("GET", "/")
        return f"the outcome at {step.target}", "known" if effects else "not known", part["said"]

    def take_back(self, step: Step, part: Parts) -> Notice:
        status, _ = self.at(step.target).ask("POST", "/back", part["what"])
        return f"the answer of {step.target}", str(status), "200"

    def take_back_nothing(self, step: Step, part: Parts) -> Notice:
        status, _ = self.at(step.target).ask("POST", "/careful", part["what"])
        return f"the answer of {step.target}", str(status), "404"

    def look(self, what: str, after: str) -> Notice | None:
        """What an outside system has done by its own account; None where `what` is not about one."""
        counted = _COUNTED.fullmatch(what)
        if counted and counted["system"] in self.known:
            outside = self.known[counted["system"]]
            return what, str(len(outside.taken_back if counted["back"] else outside.effects)), after
        if what not in self.known:
            return None
        return what, effect_words(self.known[what].ask("GET", "/")[1]), after


def effect_words(effects: list[str]) -> str:
    """What the last effect is, in the model's words: the first for its operation, or one more for the same."""
    if not effects:
        return NOTHING
    operations = [(found["entity"], found["number"]) for e in effects if (found := _OPERATION.fullmatch(e))]
    entity, number = operations[-1]
    is_again = operations.count((entity, number)) > 1
    return f"{entity} {number} (second id)" if is_again else f"{entity} operation {number}"


_WHAT = r"(?P<what>\w+(?: operation \d+| \d+ \(second id\))?)"
_ACTIONS: dict[str, Callable[[Calls, Step, Parts], Notice | None]] = {
    rf"(?:again: )?call {_WHAT}": Calls.call,
    rf"call {_WHAT}: is refused": Calls.call_refused,
    rf"call {_WHAT}: timeout, the call is still under way": Calls.call_held,
    rf"call {_WHAT}, the answer is lost": Calls.call_unanswered,
    rf"late: call {_WHAT}": Calls.go_on,
    r"asks for the outcome \((?P<said>not known|known)\)": Calls.ask_outcome,
    rf"take back: call {_WHAT}(?:, then crashes and does it again|, though nothing is there)?": Calls.take_back,
    rf"take back: call {_WHAT}: there is nothing": Calls.take_back_nothing,
}
IS_CALL = re.compile(r"(?:again: |late: |take back: )?call .*|asks for the outcome .*")
