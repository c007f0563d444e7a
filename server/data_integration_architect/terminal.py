"""Where the command prints: standard output, a file as a whole, or a terminal with its width and colours."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from data_integration_architect.errors import RefusedPath


class PipeClosed(Exception):
    """Nobody reads standard output any more. Not an OSError: those click answers itself, differently by version."""


def emit(text: str, output: str | None, force: bool) -> None:
    """Writes `text` to standard output, or as a whole or not at all to the file `output`."""
    if output is None:
        is_terminal = sys.stdout.isatty()
        if hasattr(sys.stdout, "reconfigure"):
            # A file gets the same bytes everywhere; a terminal keeps its encoding and shows ? for what it lacks.
            encoding, newline = (None, None) if is_terminal else ("utf-8", "\n")
            sys.stdout.reconfigure(encoding=encoding, newline=newline, errors="replace")
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise PipeClosed from None
        return
    path = Path(output)
    if os.path.lexists(path) and not (force and path.is_file()):
        hint = "exists; add --force to replace it" if path.is_file() else "not a regular file"
        raise RefusedPath(f"--output {output}: {hint}")
    from data_integration_architect.files import check_folder, write_text

    check_folder(path, f"--output {output}")
    write_text(path, text, f"--output {output}")


def width(output: str | None) -> int:
    """Columns of the terminal; 100 in a file, so that its bytes do not depend on a window."""
    from data_integration_architect.renderers.text import WIDTH

    return shutil.get_terminal_size((WIDTH, 24)).columns if output is None and sys.stdout.isatty() else WIDTH


def has_colour(output: str | None) -> bool:
    return output is None and wants_colour(sys.stdout)


def wants_colour(stream: Any) -> bool:
    """NO_COLOR wins over FORCE_COLOR, as in CPython; without either, colour is for terminals. A file has none."""
    if os.environ.get("NO_COLOR") or _is_file(stream):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def _is_file(stream: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False  # nothing of the system is behind it


def visible(message: str) -> str:
    """`message` with its lines, but without what could steer a terminal: it quotes files and file names."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in message)


def say(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(visible(note), err=True)
