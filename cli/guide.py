"""`sendflow explain`: a rule or a process as a page, from the law as this house keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cases import Json
from cli.output import Exit, emit, fail, tell

if TYPE_CHECKING:
    from casework.rules.guide import Sources


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("explain")(explain)


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RULE|PROCESS", help="A rule's id or a process's, such as ehc_body_advice_respond or section23."
        ),
    ],
    html: Annotated[Path | None, typer.Option("--html", help="Write the page to this HTML file instead.")] = None,
    json_: Json = False,
) -> None:
    """A rule or a process as a page: diagram, text, law, local choices, and a sum worked as an example."""
    from casework.rules.guide import page_of
    from casework.rules.guide_html import html_of
    from config.law import UnknownRule

    sources = _sources()
    try:
        page = html_of(sources, name) if html is not None else page_of(sources, name)
    except UnknownRule as problem:
        fail(Exit.WRONG_CALL, str(problem))
    if html is None:
        emit({"name": name, "markdown": page}, json_, lambda: page)
        return
    try:
        html.write_text(page, "utf-8")
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"the page cannot be written there ({problem.strerror}): name a folder that exists and may be written to",
        )
    tell(f"Wrote the page of {name}.")
    if json_:
        emit({"name": name, "characters": len(page)}, True, lambda: "")


def _sources() -> Sources:
    from casework.rules.guide import Sources
    from casework.rules.ruleset import read_ruleset
    from config.rule_pack import pointed_at
    from config.settings import Settings
    from statemachines.registry import processes

    settings = Settings.read()
    adopted = pointed_at(settings)
    ruleset = read_ruleset(settings, *([adopted] if adopted is not None else []))
    return Sources(ruleset.law, ruleset.calendar, ruleset.escalation_policy, processes())
