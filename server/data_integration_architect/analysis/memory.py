"""Keeps the results of questions that rules ask again and again of the same view or system."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def remembered(function: F) -> F:
    """Keeps results with the first argument, which has a `memory`; the other arguments must be hashable."""

    @wraps(function)
    def wrapper(holder: Any, *arguments: Any, **named: Any) -> Any:
        key = (function, arguments, tuple(sorted(named.items())) if named else ())
        if key not in holder.memory:
            holder.memory[key] = function(holder, *arguments, **named)
        return holder.memory[key]

    return cast(F, wrapper)
