"""Values with units, as they stand in a topology: durations, rates, sizes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

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


def _check_duration(text: str) -> str:
    if not _DURATION.match(text):
        raise ValueError("a duration with its unit, such as 250ms, 5s, 15m, 24h, 30d, 6month, 1y")
    return text


def _check_rate(text: str) -> str:
    if not _RATE.match(text):
        raise ValueError("a rate with its unit, such as 200/s, 40/min, 2/month, 10%/y")
    return text


def _check_size(text: str) -> str:
    if not _SIZE.match(text):
        raise ValueError("a size with its unit, such as 4GiB, 500MB")
    return text


def _none_is_false(value: Any) -> Any:
    return False if value == "none" else value


def _shown(form: re.Pattern[str], *examples: str) -> Any:
    """What the JSON Schema says about a value with a unit."""
    pattern = "^" + form.pattern.replace(r"\d", "[0-9]").replace(r"\Z", "$")
    return Field(examples=list(examples), json_schema_extra={"pattern": pattern})


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=4000)]
Duration = Annotated[str, AfterValidator(_check_duration), _shown(_DURATION, "5s", "15m", "30d")]
Rate = Annotated[str, AfterValidator(_check_rate), _shown(_RATE, "200/s", "2/month", "10%/y")]
Size = Annotated[str, AfterValidator(_check_size), _shown(_SIZE, "4GiB")]
Flag = Annotated[bool, BeforeValidator(_none_is_false)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
