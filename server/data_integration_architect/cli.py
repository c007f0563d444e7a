"""The command: the same verbs as the tools. Exit code 0 clean, 1 findings, 2 bad input.

Everything but click is imported by the verb that needs it, so `--help` and `--version` answer at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from data_integration_architect import __version__
from data_integration_architect.errors import ArchitectError, RefusedPath
from data_integration_architect.garbage import collect_rarely
from data_integration_architect.reports import (
    FOUND,
    THRESHOLDS,
    as_json,
    draft_of,
    given_at,
    print_explanation,
    report,
    run_with_progress,
    surveyed,
)
from data_integration_architect.terminal import PipeClosed, emit, has_colour, say, visible, wants_colour, width

if TYPE_CHECKING:
    from data_integration_architect.checking import Effort

NAME = "data-integration-architect"
BAD_INPUT, OUR_FAULT, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141

F = TypeVar("F", bound=Callable[..., Any])


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits; bad input is a message and never a traceback."""
    collect_rarely()
    try:
        code = cli.main(arguments, prog_name=NAME, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ArchitectError as error:
        head = click.style("error:", fg="red", bold=True)
        click.echo(f"{head} {visible(str(error))}", err=True, color=wants_colour(sys.stderr))
        code = BAD_INPUT
    except click.Abort:
        code = INTERRUPTED
    except PipeClosed:
        # The interpreter must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except Exception:
        traceback.print_exc()
        click.echo("This is a bug of the tool, not of your input.", err=True)
        code = OUR_FAULT
    sys.exit(code)


SHORT_NAMES = {"design": "generate-design"}


class _Verbs(click.Group):
    """The verbs, also by the short names that people type."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name == "lab":
            from data_integration_architect.lab.command import lab

            return lab
        verb = super().get_command(context, SHORT_NAMES.get(name, name))
        if verb is not None and name in SHORT_NAMES:
            verb = copy(verb)
            verb.short_help = f"Short for {SHORT_NAMES[name]}."
        return verb

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *SHORT_NAMES, "lab"])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
def cli() -> None:
    """Reviews and designs how several data stores are kept in agreement.

    Start with `review FILE`, or with `review FOLDER` for a repository. `schema --format markdown` tells how to write
    the file.
    """


OTHER_FORMATS = {
    "sarif": "review, detect-antipatterns and discover",
    "html": "review",
    "yaml": "generate-design and discover",
}


class _Formats(click.Choice):  # type: ignore[type-arg]
    """The formats of one verb; a format of other verbs is answered with these."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message} {value} is a format of {OTHER_FORMATS[value]}." if value in OTHER_FORMATS else message


def _output_options(*formats: str) -> Callable[[F], F]:
    """--format, --output and --force of a verb that prints."""

    def add(function: F) -> F:
        click.option("--force", is_flag=True, help="Replace the file of --output if it exists.")(function)
        click.option(
            "--output",
            "-o",
            metavar="FILE",
            callback=lambda context, option, name: None if name == "-" else name,
            help="Write to FILE instead of standard output.",
        )(function)
        choice = _Formats(formats)
        return click.option("--format", "-f", "form", type=choice, default=formats[0], show_default=True)(function)

    return add


_topology = click.argument("file", metavar="FILE|-")
_fail_on = click.option(
    "--fail-on",
    type=click.Choice(THRESHOLDS),
    default="high",
    show_default=True,
    help="Exit with 1 if there is a definite finding of this severity or above.",
)


_check = click.option(
    "--check",
    "effort",
    type=click.Choice(("none", "default", "deep")),
    default="default",
    show_default=True,
    help="How much the model checker explores: 60,000 states a search and 3,840,000 in all, or ten times that.",
)


def _scope_options(function: F) -> F:
    """--baseline, --write-baseline, --reason, --today and --changed-since of a verb that finds something."""
    for option in (
        click.option("--no-cache", is_flag=True, help="Parse every file of a repository again."),
        click.option("--changed-since", "since", metavar="REV", help="Only what the lines changed since REV touch."),
        click.option("--today", metavar="DATE", help="Day for `until` in the baseline.  [default: the newest commit]"),
        click.option("--reason", metavar="TEXT", help="Why --write-baseline accepts what there is."),
        click.option("--write-baseline", metavar="FILE", help="Accept all findings: write them to FILE."),
        click.option("--baseline", metavar="FILE", help="Accepted findings, each with a reason; they are not shown."),
    ):
        function = option(function)
    return function


@cli.command()
@click.argument("file", metavar="FILE|FOLDER|-")
@_output_options("text", "markdown", "json", "sarif", "html")
@_fail_on
@_check
@_scope_options
def review(
    file: str,
    form: str,
    output: str | None,
    force: bool,
    fail_on: str,
    effort: Effort,
    no_cache: bool,
    **scope: str | None,
) -> int:
    """The whole judgement of a topology file, or of a repository.

    For a folder the topology is the draft that `discover` makes of it; findings name the file and line in the source.
    """
    return report("review", file, form, output, force, fail_on, effort, scope, not no_cache)


@cli.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--write", "-w", metavar="FILE", help="Write the draft to FILE; what people wrote there is kept.")
@click.option("--force", is_flag=True, help="Replace the file of --write instead of joining with it.")
@click.option(
    "--format", "-f", "form", type=_Formats(("text", "yaml", "json", "sarif")), default="text", show_default=True
)
@_scope_options
def discover(folder: str, write: str | None, force: bool, form: str, no_cache: bool, **scope: str | None) -> int:
    """A draft topology of a repository, each fact with its file and line.

    text: stores, dual writes, questions, what was not read; yaml: the draft; json: everything; sarif: what the code
    shows. Reads only: nothing of the repository is executed, and nothing is written without --write.
    """
    survey = surveyed(folder, write, force, not no_cache, scope["since"] is not None)
    found = survey.discovery
    if any(scope.values()) or survey.comments:
        from data_integration_architect.scoping import Scope, scope_discovery

        found, said = scope_discovery(found, Scope(Path(folder), **scope), survey)
        say(said.notes)
    if form == "sarif":
        from data_integration_architect.renderers.sarif import discovery_sarif

        shown = discovery_sarif(found)
    elif form == "text":
        from data_integration_architect.renderers.text import discovery_text

        shown = discovery_text(found, folder, width(None), has_colour(None))
    else:
        shown = found.topology if form == "yaml" else as_json(found)
    emit(shown, None, False)
    return 0


@cli.command()
@_topology
@_output_options("text", "markdown", "json")
def classify_topology(file: str, form: str, output: str | None, force: bool) -> int:
    """How data moves: mechanism of each flow, system of record of each entity."""
    return report("classify-topology", file, form, output, force)


@cli.command("detect-antipatterns")
@_topology
@_output_options("text", "markdown", "json", "sarif")
@_fail_on
@_check
def detect_antipatterns(file: str, form: str, output: str | None, force: bool, fail_on: str, effort: Effort) -> int:
    """What can go wrong, how badly, and what mends it."""
    return report("detect-antipatterns", file, form, output, force, fail_on, effort)


@cli.command()
@_topology
@_output_options("text", "markdown", "json")
def recommend_propagation(file: str, form: str, output: str | None, force: bool) -> int:
    """How each derived store should follow its system of record."""
    return report("recommend-propagation", file, form, output, force)


@cli.command()
@_topology
@_output_options("text", "markdown", "json")
def check_ordering(file: str, form: str, output: str | None, force: bool) -> int:
    """Order needed and given, idempotency, causal pairs, constraints."""
    return report("check-ordering", file, form, output, force)


@cli.command()
@_topology
@_output_options("text", "markdown", "yaml", "json")
@click.option("--out", metavar="DIR", help="Write a folder: document, configuration, SQL, consumers, lab.")
@_check
def generate_design(file: str, form: str, output: str | None, force: bool, out: str | None, effort: Effort) -> int:
    """Target topology, design document and migration plan.

    text: what was decided and what is left; markdown: the document; yaml: the target topology; json: everything.
    With --out, files that were changed by hand since the last run are kept and named; --force replaces them.
    """
    from data_integration_architect import use_cases

    given = given_at(file)
    design = use_cases.generate_design(given, effort, run_with_progress)
    if out is not None:
        from data_integration_architect.artifacts.build import build_folder
        from data_integration_architect.artifacts.files import write_folder

        emit(visible(write_folder(Path(out), build_folder(design, given), force).text(out)), output, force)
        return 0
    forms = {"text": lambda: visible(design.short_text()) + "\n", "markdown": lambda: design.document,
             "yaml": lambda: design.topology, "json": lambda: as_json(design)}  # fmt: skip
    emit(forms[form](), output, force)
    return 0


@cli.command()
@_topology
@click.option("--property", "-p", "prop", metavar="NAME", help="Only this property, such as convergence.")
@click.option("--target", "-t", metavar="NAME", help="Only this store or called system.")
@click.option("--faults", type=click.IntRange(0, 6), default=2, show_default=True, help="Most faults in one run.")
@click.option("--workload", type=click.IntRange(1, 8), default=3, show_default=True, help="Most writes in one run.")
@click.option(
    "--states",
    type=click.IntRange(1),
    default=60_000,
    show_default=True,
    help="Most states of one search; all together see at most 64 times as many.",
)
@click.option("--sweep", is_flag=True, help="Add a table of verdicts within all smaller bounds.")
@click.option("--export", type=click.Choice(("promela", "tla")), help="Print the models for Spin or TLC instead.")
@_output_options("text", "markdown", "json")
def check(
    file: str,
    prop: str | None,
    target: str | None,
    faults: int,
    workload: int,
    states: int,
    sweep: bool,
    export: str | None,
    form: str,
    output: str | None,
    force: bool,
) -> int:
    """Properties of the described system, checked up to bounds; each violation with its shortest run.

    Properties: convergence, no-phantom, exactly-once-effect, conservation, no-stale-overwrite, monotonic-view,
    causal-order, uniqueness, non-negative, no-dangling, no-in-doubt, read-your-writes, fresh-read. Exit code 1 if one
    is violated.
    """
    from data_integration_architect import checks
    from data_integration_architect.modelcheck import Bounds

    given = given_at(file)
    bounds = Bounds(writes=workload, faults=faults, states=states)
    if export is not None:
        models = checks.export_models(given, export, prop, target, bounds)
        shown = "[" + ",".join(model.model_dump_json(indent=2) for model in models) + "]\n"
        emit(shown if form == "json" else "\n".join(model.text for model in models), output, force)
        return 0
    report = checks.check_topology(given, prop, target, bounds, sweep=sweep, run=run_with_progress)
    if form == "json":
        text = as_json(report)
    elif form == "markdown":
        from data_integration_architect.renderers.markdown import checks_markdown

        text = checks_markdown(report, given.source)
    else:
        from data_integration_architect.renderers.text import checks_text

        text = checks_text(report, given.source, width(output), has_colour(output))
    emit(text, output, force)
    return FOUND if any(one.verdict == "violated" and not one.assumed for one in report.checks) else 0


@cli.command()
@click.argument("topic", nargs=-1, required=True)
@click.option("--topology", "-t", "file", metavar="FILE|-", help="Topology with the finding to explain.")
@_output_options("text", "markdown", "json")
def explain(topic: tuple[str, ...], file: str | None, form: str, output: str | None, force: bool) -> int:
    """One id of any kind: a finding, anti-pattern, mechanism, fix, store, engine or attribute.

    `explain topology` tells how to write a topology, `explain vocabulary` which ids there are.
    """
    from data_integration_architect.explain import explain as explained

    found = None
    if file is not None:
        from data_integration_architect.use_cases import review as judged

        found = judged(given_at(file))
    return print_explanation(explained(" ".join(topic), found), form, output, force)


@cli.command()
@_output_options("json", "markdown", "text")
def schema(form: str, output: str | None, force: bool) -> int:
    """The topology format: as JSON Schema, or as a reference with examples."""
    from data_integration_architect.explain import guide, topology_schema

    if form != "json":
        return print_explanation(guide(), form, output, force)
    import json

    emit(json.dumps(topology_schema(), ensure_ascii=False, indent=2) + "\n", output, force)
    return 0


@cli.command()
@click.argument("file", metavar="FILE|FOLDER|-")
@click.option("--to", "form", type=click.Choice(("calm", "asyncapi", "likec4")), required=True, help="Format to write.")
@click.option("--process", "-p", metavar="NAME", help="Whose AsyncAPI document, if several send or receive messages.")
@click.option("--output", "-o", metavar="FILE", help="Write to FILE instead of standard output.")
@click.option("--force", is_flag=True, help="Replace the file of --output if it exists.")
def export(file: str, form: str, process: str | None, output: str | None, force: bool) -> int:
    """A topology, or the draft of a repository, in a format of other tools.

    calm: FINOS CALM 1.1; asyncapi: AsyncAPI 3.0 of one process; likec4: LikeC4 source. Each says what it has words for:
    elements, technologies and what moves between them, but no transactions, guards or retries.
    """
    from data_integration_architect.topology import load_topology

    given = given_at(file) if file == "-" or not os.path.isdir(file) else draft_of(surveyed(file))
    topology = load_topology(given.document())
    if form == "calm":
        from data_integration_architect.renderers.calm import calm

        shown = calm(topology)
    elif form == "likec4":
        from data_integration_architect.renderers.likec4 import likec4

        shown = likec4(topology)
    else:
        from data_integration_architect.renderers.asyncapi import asyncapi, speakers

        known = speakers(topology)
        if process is None and len(known) != 1:
            which = f"give one with --process: {', '.join(known)}" if known else "none sends or receives messages"
            raise click.UsageError(f"an AsyncAPI document describes one process; {which}")
        shown = asyncapi(topology, process or known[0])
    emit(shown, None if output == "-" else output, force)
    return 0


@cli.command()
@click.option("--http", is_flag=True, help="Streamable HTTP instead of standard input and output.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--token-env", metavar="NAME", help="Environment variable with the bearer token to require.")
@click.option("--allowed-host", multiple=True, metavar="HOST[:PORT]", help="Host header to accept; repeatable.")
@click.option("--allowed-origin", multiple=True, metavar="ORIGIN", help="Origin header to accept; repeatable.")
@click.option("--root", metavar="FOLDER", help="Folder below which `path` arguments are read.")
def serve(
    http: bool,
    host: str,
    port: int,
    token_env: str | None,
    allowed_host: tuple[str, ...],
    allowed_origin: tuple[str, ...],
    root: str | None,
) -> int:
    """The MCP server, on standard input and output or HTTP."""
    context = click.get_current_context()
    given = [
        name
        for name in ("host", "port", "token_env", "allowed_host", "allowed_origin")
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    ]
    if given and not http:
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --http")
    import gc

    # The modules of the SDK live as long as the server: looking through them for garbage while they load, and at
    # each later collection, finds nothing.
    gc.disable()
    from data_integration_architect import mcp_server

    gc.freeze()
    gc.enable()
    from data_integration_architect.files import Root

    folder = None
    if root is not None:
        folder = Root(Path(root).resolve())
        if not Path(root).is_dir():
            raise RefusedPath(f"--root {root}: not a folder")
    if http:
        mcp_server.serve_http(folder, host, port, token_env, allowed_host, allowed_origin)
    else:
        mcp_server.serve_stdio(folder)
    return 0


if __name__ == "__main__":
    main()
