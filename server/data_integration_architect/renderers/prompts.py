"""Prompts from the templates in `prompts/`."""

from __future__ import annotations

from data_integration_architect.files import packaged_names, packaged_text


def render_prompt(name: str, **values: str) -> str:
    """Text of one prompt; what came from a client stands in it as plain data."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    templates = {n: packaged_text(f"prompts/{n}.md.j2") for n in packaged_names("prompts", ".md.j2")}
    environment = Environment(loader=DictLoader(templates), undefined=StrictUndefined, autoescape=False)
    return environment.get_template(name).render(**values).strip() + "\n"
