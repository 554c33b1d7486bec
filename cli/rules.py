"""`sendflow due` and `rules`: answers questions about the law, one or a whole file of them.

They read no database and import neither Prefect nor SQLAlchemy. A wrong call exits with 2; a question that the law or
the calendar cannot answer exits with 1.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

import config
from cli.installation import check_named_home
from cli.options import ISO_DAY, Json
from cli.output import Exit, emit, fail, notify
from config.law import Law, LawError, NoAnswer, Rule, load_law
from config.rule_pack import pointed_at
from config.settings import Settings
from config.text import full_weekday
from config.toml_reader import ConfigFault
from deadlines.calculator import Answer, calculate
from deadlines.working_calendar import WorkingCalendar, load_calendar

PLAIN_WORD = re.compile(r"[a-z0-9_]{1,64}")
COLUMNS = ("rule", "on", "given")
ON_EXAMPLE = "Example: --on 2026-03-02"


def register(app: typer.Typer) -> None:
    """Add `due` and `rules` to the program."""
    app.command("due")(due)
    app.command("rules")(rules)


def due(
    rule: Annotated[
        str | None, typer.Argument(help="The rule's id, such as ehc_body_advice_respond; `sendflow rules` lists them.")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day on which the clock starts, as 2026-03-02.")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--given", help="A further day the rule takes, as moved_on=2026-03-20. Repeat it."),
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", help="A CSV file with the columns rule, on, given: one question a row.")
    ] = None,
    json_: Json = False,
) -> None:
    """By when: the last lawful day under one rule, counted out step by step, with its citation."""
    law, calendar = law_and_calendar()
    if from_ is not None:
        if rule is not None or on is not None or given:
            fail(
                Exit.WRONG_CALL,
                "`--from` takes no rule and no day: the file names them. Example: sendflow due --from questions.csv",
            )
        _due_from(law, calendar, from_)
        return
    if rule is None or on is None:
        fail(
            Exit.WRONG_CALL,
            "A rule and its start day were expected. Example: sendflow due ehc_body_advice_respond --on 2026-03-02",
        )
    try:
        known = law.rule(rule)
        day = _day(on, "--on", ON_EXAMPLE)
        days = _given(given or (), known)
        answer = calculate(law, calendar, rule, day, days)
    except LawError as fault:
        fail(Exit.WRONG_CALL, str(fault))
    except NoAnswer as fault:
        if json_:
            emit(_unanswered(rule, on, str(fault)), True, lambda: "")
            raise typer.Exit(Exit.REFUSED) from None
        fail(Exit.REFUSED, str(fault))
    emit(answer.model_dump(mode="json"), json_, lambda: _in_words(known, answer))


def rules(
    json_: Json = False,
) -> None:
    """Every rule that the statute files hold, with its newest period."""
    law, _ = law_and_calendar()
    document = [_row(rule) for rule in law.rules.values()]
    emit(document, json_, lambda: "\n".join(_listed(document)))


def law_and_calendar() -> tuple[Law, WorkingCalendar]:
    """Read the law and the working-day calendar in force here, with the adopted rule pack.

    Ends the command with exit code 3 if they cannot be read.
    """
    check_named_home()
    try:
        adopted = pointed_at(Settings.read())
        if adopted is None:
            return load_law(), load_calendar()
        shipped = Path(config.__path__[0])
        return load_law(shipped, adopted), load_calendar(shipped / "almanac", adopted / "almanac")
    except ConfigFault as fault:
        fail(Exit.NOT_FINISHED, f"Nothing was calculated, because the law cannot be read. {fault}")


def _row(rule: Rule) -> dict[str, Any]:
    newest = rule.period[-1]
    return {
        "rule": rule.id,
        "process": rule.process,
        "clock_starts": rule.clock_starts,
        "on_is": rule.on_is,
        "duty_on": rule.duty_on,
        "action": rule.action,
        "period": newest.text,
        "counts": newest.counts,
        "basis": newest.basis,
        "citation": newest.cite,
        "url": newest.url,
        "version_from": newest.since.isoformat() if newest.since else None,
        "excuses": list(newest.excuses),
        "per": rule.per,
        "bound": rule.bound,
        "starts": list(rule.starts),
        "met_by": list(rule.met_by),
        "ends": list(rule.ends),
        "reopened_by": list(rule.reopened_by),
        "superseded_by": list(rule.superseded_by),
        "calculation_only": rule.calculation_only,
        "enabled": rule.enabled,
        "inputs": {name: {"needed": asked.needed, "meaning": asked.meaning} for name, asked in rule.inputs.items()},
        "note": rule.note,
        "source_status": rule.source_status,
    }


def _listed(document: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    process = None
    for row in document:
        if row["process"] != process:
            process = row["process"]
            yield f"\n{process}"
        off = "" if row["enabled"] else "  [switched off]"
        yield f"  {row['rule']}: {row['action']}, {row['period']} ({row['citation'] or 'no citation'}){off}"


def _in_words(rule: Rule, answer: Answer) -> str:
    who = f"{rule.duty_on}: " if rule.duty_on else ""
    lines = [f"{answer.rule}", f"{who}{rule.action}", ""]
    lines.append(f"Due      {full_weekday(answer.due) if answer.due else 'no date'}")
    if answer.strict_due != answer.due and answer.strict_due:
        lines.append(f"Strict   {full_weekday(answer.strict_due)}")
    if answer.act_by:
        lines.append(f"Act by   {full_weekday(answer.act_by)}")
    lines.append(
        f"Law      {answer.citation or 'no citation'} ({answer.basis.replace('_', ' ')}); {answer.period}, counted as"
        f" {answer.counts}"
    )
    if answer.url:
        lines.append(f"         {answer.url}")
    lines.append(f"Except   {', '.join(answer.excuses) or 'none listed'}")
    if answer.reason:
        lines.append(f"Why      {answer.reason}")
    return "\n".join([*lines, "", *(f"{number}. {step}" for number, step in enumerate(answer.steps, 1))])


def _day(text: str, name: str, example: str) -> date:
    """A day written the ISO way, and no other: 03/02/2026 could be two days. The text itself is never repeated, it may
    be a birth date.
    """
    try:
        if ISO_DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise LawError(f"{name}: the calendar has no such day. {example}") from None
    raise LawError(f"{name}: a day was expected as year-month-day. {example}")


def _given(pairs: Iterable[str], rule: Rule) -> dict[str, date]:
    found: dict[str, date] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not PLAIN_WORD.fullmatch(name):
            raise LawError("--given: key=value was expected. Example: --given moved_on=2026-03-20")
        if name not in rule.inputs:
            takes = ", ".join(rule.inputs) or "none"
            raise LawError(
                f"--given: {rule.id} takes no input `{name}`. It takes: {takes}. Example: {_given_example(rule)}"
            )
        if name in found:
            raise LawError(f"--given: {name} is given twice. Give each input once.")
        found[name] = _day(text, f"--given {name}", f"Example: --given {name}=2026-03-20")
    return found


def _given_example(rule: Rule) -> str:
    return f"--given {next(iter(rule.inputs))}=2026-03-20" if rule.inputs else f"sendflow due {rule.id} --on 2026-03-02"


def _unanswered(rule: str | None, on: str | None, error: str) -> dict[str, Any]:
    """The same keys as an answer, null, and what was wrong. Only a well-formed rule and day are repeated."""
    document: dict[str, Any] = dict.fromkeys(Answer.model_fields)
    document["rule"] = rule if rule and PLAIN_WORD.fullmatch(rule) else None
    document["on"] = on if on and ISO_DAY.fullmatch(on) else None
    return {**document, "error": error}


def _due_from(law: Law, calendar: WorkingCalendar, file: Path) -> None:
    """One JSON line for each row, in order. Exit 1 where any row has no answer."""
    missed = 0
    for row in _rows(file):
        document = _answered(law, calendar, row)
        missed += "error" in document
        sys.stdout.write(orjson.dumps(document).decode() + "\n")
    if missed:
        notify(f"{missed} of the questions have no answer. Their lines give the reason under `error`.")
        raise typer.Exit(Exit.REFUSED)


def _answered(law: Law, calendar: WorkingCalendar, row: Mapping[str, str | None]) -> dict[str, Any]:
    rule, on = (row.get("rule") or "").strip(), (row.get("on") or "").strip()
    try:
        if None in row:
            raise LawError("The row has more cells than the header; three were expected: rule, on, given.")
        known = law.rule(rule)
        day = _day(on, "on", "Example: 2026-03-02")
        answer = calculate(law, calendar, rule, day, _given((row.get("given") or "").split(), known))
    except (LawError, NoAnswer) as fault:
        return _unanswered(rule, on, str(fault))
    return answer.model_dump(mode="json")


def _rows(file: Path) -> list[dict[str, str | None]]:
    example = "Example of its first two lines: rule,on,given / ehc_body_advice_respond,2026-03-02,"
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            if sorted(header) != sorted(COLUMNS):
                fail(
                    Exit.WRONG_CALL,
                    f"--from: the columns rule, on, given were expected in the file's first line. {example}",
                )
            reader.fieldnames = header
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        fail(Exit.WRONG_CALL, f"--from: the file cannot be read as UTF-8 CSV. {example}")
