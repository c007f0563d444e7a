"""Values with units, as they stand in a topology: durations, rates, sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

SECONDS = {
    "ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800,
    "mo": 2629800, "month": 2629800, "y": 31557600, "year": 31557600,
}  # fmt: skip
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s?(ms|s|sec|min|m|h|d|w|month|mo|year|y)\Z")
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s?(%?)\s?/\s?(ms|s|sec|min|m|h|d|day|w|week|month|mo|y|year)\Z")
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s?([KMGTP]i?B|B)\Z")
_LONG = {"day": "d", "week": "w"}


def seconds(duration: str | None) -> float | None:
    """`5s` → 5.0, `30d` → 2592000.0; infinity for `forever` and `until-acknowledged`; None for unknown and `none`."""
    if duration is None or duration == "none":
        return None
    if duration in {"forever", "until-acknowledged"}:
        return float("inf")
    match = _DURATION.match(duration)
    return float(match[1]) * SECONDS[match[2]] if match else None


def period_seconds(every: str) -> float:
    """Seconds of a schedule's period; infinity where nobody told it: it comes, but who knows when."""
    known = seconds(every)
    return float("inf") if known is None else known


def per_second(rate: str | None) -> float | None:
    """`200/s` → 200.0, `2/month` → 7.6e-7; None for unknown and for a percentage."""
    match = _RATE.match(rate) if rate else None
    if not match or match[2]:
        return None
    return float(match[1]) / SECONDS[_LONG.get(match[3], match[3])]


def _check_duration(given: Any) -> Any:
    if not isinstance(given, str) or not _DURATION.match(given):
        raise ValueError("a duration with its unit, such as 250ms, 5s, 15m, 24h, 30d, 6month, 1y")
    return given


def _check_rate(given: Any) -> Any:
    if not isinstance(given, str) or not _RATE.match(given):
        raise ValueError("a rate with its unit, such as 200/s, 40/min, 2/month, 10%/y")
    return given


def _check_size(given: Any) -> Any:
    if not isinstance(given, str) or not _SIZE.match(given):
        raise ValueError("a size with its unit, such as 4GiB, 500MB")
    return given


def _none_is_false(value: Any) -> Any:
    return False if value == "none" else value


def _shown(form: re.Pattern[str], *examples: str) -> Any:
    """What the JSON Schema says about a value with a unit."""
    pattern = "^" + form.pattern.replace(r"\d", "[0-9]").replace(r"\Z", "$")
    return Field(examples=list(examples), json_schema_extra={"pattern": pattern})


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


@dataclass(frozen=True)
class Refers:
    """Says what the words at a place name; the reader refuses those that name nothing."""

    kind: Literal["store", "channel", "store or channel", "entity", "entity or part", "handler", "element"]
    or_none: bool = False


StoreName = Annotated[Name, Refers("store")]
StoreNameOrNone = Annotated[Name, Refers("store", or_none=True)]
ChannelName = Annotated[Name, Refers("channel")]
ChannelNameOrNone = Annotated[Name, Refers("channel", or_none=True)]
PlaceName = Annotated[Name, Refers("store or channel")]
EntityName = Annotated[Name, Refers("entity")]
SubjectName = Annotated[Name, Refers("entity or part")]
HandlerName = Annotated[Name, Refers("handler")]
ElementName = Annotated[Name, Refers("element", or_none=True)]
Text = Annotated[str, StringConstraints(max_length=4000)]
Duration = Annotated[str, BeforeValidator(_check_duration), _shown(_DURATION, "5s", "15m", "30d")]
Rate = Annotated[str, BeforeValidator(_check_rate), _shown(_RATE, "200/s", "2/month", "10%/y")]
Size = Annotated[str, BeforeValidator(_check_size), _shown(_SIZE, "4GiB")]
Flag = Annotated[bool, BeforeValidator(_none_is_false)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
