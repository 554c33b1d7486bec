"""`sendflow explain` and `processes`: a rule or process as a page, and the processes with their states and facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import check_named_home
from cli.options import Json
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person

if TYPE_CHECKING:
    from casework.rules.guide import Sources


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("explain")(explain)
    app.command("processes")(processes)


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
    """Show a rule or a process as a page: diagram, text, law, local choices and a worked example."""
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
        write_for_person(html, page)
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"The page was not written ({problem.strerror}). Name a folder that exists and that you may write to",
        )
    notify(f"Wrote the page of {name}.")
    if json_:
        emit({"name": name, "characters": len(page)}, True, lambda: "")


def _sources() -> Sources:
    from casework.rules.guide import Sources
    from casework.rules.ruleset import read_ruleset
    from config.rule_pack import pointed_at
    from config.settings import Settings
    from statemachines.registry import processes

    check_named_home()
    settings = Settings.read()
    adopted = pointed_at(settings)
    ruleset = read_ruleset(settings, *([adopted] if adopted is not None else []))
    return Sources(ruleset.law, ruleset.calendar, ruleset.escalation_policy, processes())


def processes(json_: Json = False) -> None:
    """List the statutory processes: states, facts with the states that they lead from and to, and duties.

    The list also has the rules that no fact opens.
    """
    from cli.formatting import processes_text
    from cli.rules import law_and_calendar
    from statemachines.registry import describe

    law, _ = law_and_calendar()
    document = describe(law)
    emit(document, json_, lambda: processes_text(document))
