"""A first mark is on no surface before the blind second one is in, and on every one after it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.test_plan_audit_walk import answers
from tests.support.calling import sendflow
from tests.support.page_walk import walked
from tests.support.team import Team
from tests.web.api.conftest import program_of, token_for
from tests.web.walking import signed_in
from web.installation import Installation

CASE, TODAY, DAY = "PA90001", "1 Apr 2026", "2026-04-01"
MARK = answers(outcomes="partly").removeprefix("answers=").split(", ")
WORDS = "Quillfeather of page two"
# The one answer that is not yes, however a surface writes it; and the words of its evidence.
SHOWN = re.compile(r"outcomes\W+partly|Quillfeather", re.IGNORECASE)


def given(item: str, by: str, **other: Any) -> dict[str, Any]:
    return {"item": item, "marked_by": by, "answers": MARK, "evidence": WORDS, **other}


def first_marks(team: Team) -> None:
    """An item with one mark of two; one whose mark was withdrawn; one whose mark was corrected."""
    team.case = CASE
    drawing = {"from_on": "2026-02-01", "to_on": "2026-02-28", "seed": "spring_2026", "size": 3}
    team.act("2 Mar 2026", ("audit_opened", "2026-03-02", {"audit_tool": "health_advice_1"}))
    team.act("3 Mar 2026", ("sample_drawn", "2026-03-03", drawing))
    for item in ("waits", "withdrawn", "corrected"):
        team.act(
            "3 Mar 2026",
            ("item_drawn", "2026-03-03", {"item": item, "second_mark": "yes", "body": "QX104", "service": "camhs"}),
        )
        mark = given(item, "kim.roe")
        if item == "corrected":
            mark |= {"answers": [each.replace("partly", "yes") for each in MARK]}
        team.act("9 Mar 2026", ("item_marked", "2026-03-09", mark))
    marks = {fact.data["item"]: fact.seq for fact in team.lines() if fact.kind == "item_marked"}
    team.act("10 Mar 2026", ("fact_withdrawn", "2026-03-10", {"reason": "by mistake"}), corrects=marks["withdrawn"])
    team.act("10 Mar 2026", ("fact_corrected", "2026-03-10", {"answers": MARK}), corrects=marks["corrected"])


def outlets(team: Team) -> Iterator[tuple[str, str]]:
    """Every surface of today: its name, and what it says. A form of each mark, and each view of an earlier day."""
    first = signed_in(team, TODAY)
    forms = [f"/cases/{CASE}/record/{kind}?corrects={seq}" for kind in ("fact_corrected",) for seq in range(1, 13)]
    views = [f"/cases/{CASE}?as_at={day}" for day in ("2026-03-09", "2026-03-10", DAY)]
    views += [f"/cases/{CASE}?text=outcomes", f"/cases/{CASE}/record/item_marked_again", f"/cases/{CASE}"]
    for address, _status, text in walked(first, ["/", *views, *forms]):
        yield address, text
    token = re.search(r'name="token" value="([^"]+)"', first.get("/sign-out").text)
    assert token is not None
    asked = first.post(f"/cases/{CASE}/identity", data={"purpose": "audit", "token": token[1]})
    assert "Fact 4" in asked.text
    yield "identity page", asked.text
    for kind in ("item_marked", "fact_corrected"):
        yield f"/record/{kind}", first.get(f"/cases/{CASE}/record/{kind}").text
    context = team.context(TODAY)
    program = program_of(Installation(context.settings, context), token_for(context, "a.program"))
    for path in (f"/cases/{CASE}", f"/cases/{CASE}?as_at=2026-03-09", f"/cases/{CASE}/recordable", "/cases?show=all"):
        read = program.read(path)
        assert read.status_code == 200, read.text
        yield f"/api/v1{path}", read.text
    for path in ("/duties?show=open", "/letters"):
        yield f"/api/v1{path}", program.read(path).text
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": DAY}
    person = ("person", CASE, "--actor", "dco.team", "--purpose", "audit", "--free-text")
    for words in (
        ("sweep",),
        ("deliver", "--now", "--reason", "a test"),
        ("digest",),
        ("case", CASE),
        ("case", CASE, "--json"),
        ("case", CASE, "--acting", "--json"),
        ("case", CASE, "--as-at", "2026-03-09", "--json"),
        person,
        (*person, "--json"),
        ("register", "audit_grades", "--json"),
        ("sample", CASE, "--json"),
        ("overdue", "--json"),
        ("letters", "--json"),
        ("verify", CASE, "--json"),
        ("explain", "plan_audit"),
    ):
        yield " ".join(words), sendflow(*words, env=env).output
    for letter in sorted((team.home / "letters").glob("*.eml")):
        yield "a letter", letter.read_text("utf-8", "replace")


def bundles(team: Team) -> list[Any]:
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": DAY}
    words = ("--for", "audit", "--actor", "dco.team", "--to")
    return [
        sendflow(command, CASE, *words, str(team.home.parent / f"{command}.zip"), env=env)
        for command in ("bundle", "bundle-cohort")
    ]


@pytest.mark.timeout(300)
def test_a_first_mark_is_shown_nowhere_before_the_second_and_everywhere_after_it(team: Team) -> None:
    first_marks(team)
    said = dict(outlets(team))
    assert len(said) > 60 and [name for name, text in said.items() if SHOWN.search(text)] == []
    assert "shown when the other mark is recorded" in said[f"/cases/{CASE}"]
    assert "shown when the other mark is recorded" in said[f"case {CASE}"]
    fact = json.loads(said[f"case {CASE} --json"])["facts"][3]
    assert fact["not_yet_shown"] == ["answers", "evidence"] and not {"answers", "evidence"} & fact["data"].keys()
    for made in bundles(team):
        assert made.exit_code != 0 and "before the second mark of its item" in str(made.exception)
    for item in ("waits", "withdrawn", "corrected"):
        if item == "withdrawn":
            team.act(TODAY, ("item_marked", DAY, given(item, "kim.roe")))
        team.act(TODAY, ("item_marked_again", DAY, given(item, "lee.fox", blind=True)))
    said = dict(outlets(team))
    shown = {name for name, text in said.items() if SHOWN.search(text)}
    assert {
        f"/cases/{CASE}",
        f"/cases/{CASE}?as_at=2026-03-09",
        f"/api/v1/cases/{CASE}",
        f"/api/v1/cases/{CASE}?as_at=2026-03-09",
        "identity page",
        f"case {CASE}",
        f"case {CASE} --as-at 2026-03-09 --json",
        f"person {CASE} --actor dco.team --purpose audit --free-text",
    } <= shown, "a replay of an earlier day shows it too, once both marks are in"
    assert all(made.exit_code == 0 for made in bundles(team))


def test_what_is_settled_is_shown_without_a_second_mark(team: Team) -> None:
    first_marks(team)
    moderated = {"item": "waits", "moderated_by": "lead", "grade": "good", "reason": "talked through"}
    team.act("11 Mar 2026", ("item_moderated", "2026-03-11", moderated))
    hidden = [fact.seq for fact in team.report("11 Mar 2026").facts if fact.not_yet_shown]
    marks = [fact.seq for fact in team.lines() if fact.kind == "item_marked"]
    assert marks[0] not in hidden and set(marks[1:]) < set(hidden)
    other = ("feedback_given", "2026-03-12", {"body": "QX104"})
    team.act("12 Mar 2026", other)
    page = signed_in(team, TODAY).get(f"/cases/{CASE}").text
    assert SHOWN.search(page), "the service knows what the round found"
