"""What findings and knowledge share: how severe a defect is, and where a claim can be checked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


class Source(BaseModel):
    """Where a claim can be checked; `checked` is the day it was opened, or `unchecked`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    title: str
    locator: str = ""
    checked: str
