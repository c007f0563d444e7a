"""Python source as a syntax tree; nothing of it is run."""

from __future__ import annotations

import ast
import warnings

from data_integration_architect.scanners.config.located import Malformed

MOST_CHARACTERS = 1024 * 1024


def syntax_tree(source: str, what: str) -> ast.Module:
    """The tree of a module that holds `what`. Raises: Malformed for what is no Python, or over 1 MiB."""
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, f"larger than the limit for {what}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise Malformed(error.lineno or 1, "not valid Python") from None
    except (ValueError, RecursionError, MemoryError):
        raise Malformed(1, "not valid Python") from None
