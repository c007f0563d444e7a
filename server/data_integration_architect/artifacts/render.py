"""Templates of the artifacts; every name that enters one is quoted by a filter of the target."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from data_integration_architect.artifacts import names, versions
from data_integration_architect.renderers.markdown import cell
from data_integration_architect.renderers.sections import plain_value

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """Text of `templates/TEMPLATE.j2`."""
    return _environment().get_template(template).render(**values).strip("\n") + "\n"


def _text(relative: str) -> str:
    return (files("data_integration_architect.artifacts") / relative).read_text(encoding="utf-8")


def packaged_code(relative: str) -> str:
    """Text of a module that is delivered as it is."""
    return _text(relative)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: _text(f"templates/{name}.j2")), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=False,
    )  # fmt: skip
    environment.filters["sql"] = names.sql_name
    environment.filters["text"] = names.sql_text
    environment.filters["md"] = cell
    environment.filters["comment"] = names.comment
    environment.filters["plain"] = plain_value
    environment.filters["json"] = names.json_text
    environment.filters["shell"] = names.shell_word
    environment.globals["versions"] = versions
    return environment
