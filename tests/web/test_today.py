"""Today shows what is late, due soon and to decide: the same lists as the worklists and the daily digest."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
from sqlalchemy import select

from casework.access.seen import as_seen_by
from casework.delivery.daily_digest import MOST
from casework.reports.chased import last_chases
from casework.reports.letters import letters, shown
from casework.reports.meetings import meetings_of
from casework.reports.today import Wanted, today_of
from casework.reports.worklists import overdue, week
from models.database import reading
from models.tables import DUTY, LETTER
from tests.support.by_hand import SALT, TRUST
from tests.support.sample_home import TODAY
from tests.support.team import Team
from tests.web.conftest import Browser
from web.installation import Installation


def numbers(html: str) -> list[int]:
    return [int(each) for each in re.findall(r"app-count__number[^>]*>(\d+)<", html)]


def test_no_duty_that_depends_on_an_open_decision_counts_as_late(sample: Installation) -> None:
    context = sample.context()
    rules = context.law.rules
    past = select(DUTY.c.rule).where(DUTY.c.closed_on.is_(None), DUTY.c.due < TODAY)
    with reading(context.engine) as connection:
        undecided = [rule for rule in connection.scalars(past) if rules[rule].contingent]
    lines = overdue(context, TODAY)
    assert len(undecided) > 10, "such days have passed in the sample: each was a falsely late line of an authority"
    assert len(lines) > 20
    assert [row.rule for row in lines if rules[row.rule].contingent] == []


def test_the_digest_of_the_sample_stays_short_however_many_wait(sample: Installation) -> None:
    """It was nine screens of a phone, with a line for each of thirteen claims that named neither service nor words."""
    context = sample.context()
    with reading(context.engine) as connection:
        [id_] = connection.scalars(select(LETTER.c.id).where(LETTER.c.template == "morning_digest"))
    text = shown(context, id_).text
    numbers, decisions, owed = (text.index(each) for each in ("late, ", "To decide or fix\n---", "By who owes it"))
    assert numbers < decisions < owed
    table = text[decisions:owed]
    claims = re.findall(r"claim \d+ of .*?(?=\n\S|\n\n)", table, re.DOTALL)
    assert len(claims) == MOST and all(re.search(r"Therapy|Paediatrics|CAMHS|whole\s+case", each) for each in claims)
    assert len(re.findall(r"^\S+.*  ", table, re.MULTILINE)) <= 14 and "more. Cases: sendflow" in table
    assert len(text.splitlines()) <= 90


def test_the_numbers_are_those_of_the_worklists_and_of_the_daily_digest(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    context = as_seen_by(sample.context(), "dco.team")
    with reading(context.engine) as connection:
        fields = orjson.loads(
            connection.scalar(select(LETTER.c.fields).where(LETTER.c.id == f"digest-{TODAY:%Y%m%d}")) or "{}"
        )
    late, soon, meetings, decide, _changed = numbers(browsers("dco.team").get("/today").text)
    assert late == len(overdue(context, TODAY)) == fields["late_count"] + fields["la_late"] > 0
    assert soon == len(week(context, TODAY)) == fields["soon_count"] + fields["la_soon"] > 0
    html = browsers("dco.team").get("/today").text
    for chased, others in (("late_count", "la_late"), ("soon_count", "la_soon")):
        said = f"{fields[chased]} that sendflow chases, {fields[others]} that it does not"
        assert said in html
    found = today_of(context, TODAY)
    assert meetings == len(found.meetings)
    listed = [*found.claims, *found.letters, *found.look_again]
    in_digest = [*fields["claims"], *fields["letters"], *fields["look_again"]]
    assert listed[: len(in_digest)] == in_digest
    assert len(listed) == len(in_digest) + fields["more_for_person"]
    assert fields["refused_rows"] + len(fields["duplicates"]) == len(found.waiting) > 0
    assert decide == len(listed) + len(found.waiting) + len(found.escalated) == fields["person_count"]
    assert len(found.escalated) > 0


def test_each_count_is_a_link_to_its_list(browsers: Callable[[str], Browser]) -> None:
    person = browsers("dco.team")
    html = person.get("/today").text
    for name, number in zip(("late", "soon", "meetings", "decide", "changed"), numbers(html), strict=True):
        assert f'href="/lists/{name}"' in html
        listed = person.get(f"/lists/{name}").text
        rows = listed.count('<tr role="row" class=') + len(re.findall(r"(?m)^ *<li>", listed.partition("<main")[2]))
        assert (name, rows) == (name, number)


def test_a_filter_shows_a_part_of_each_list_and_the_parts_make_the_whole(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    context, dco = sample.context(), browsers("dco.team")
    whole = today_of(context, TODAY)
    for name, values in (("la", list(context.directory.la)), ("process", list(context.processes))):
        parts = [today_of(context, TODAY, Wanted(**{name: value})) for value in values]
        for rows in ("late", "soon", "claims", "meetings"):
            found = sum(len(getattr(part, rows)) for part in parts)
            unnamed = [row for row in getattr(whole, rows) if name == "la" and getattr(row, "la", "x") is None]
            assert found == len(getattr(whole, rows)) - len(unnamed), (name, rows)
    one = today_of(context, TODAY, Wanted(la="northshire", body="QX101"))
    assert {(row.la, row.body) for row in one.late} == {("northshire", "QX101")}
    html = dco.get("/today?la=northshire&body=QX101").text
    assert numbers(html)[0] == len(one.late) > 0
    assert 'href="/lists/late?la=northshire&amp;body=QX101"' in html or "la=northshire&body=QX101" in html
    assert "Only some cases are shown" in html


def test_meetings_promises_and_reviews_of_the_week_are_listed(team: Team) -> None:
    team.opened().asked()
    spoken: dict[str, Any] = {
        "with_whom": "service",
        "how": "call",
        "agreed": "an_answer",
        "body": TRUST,
        "service": SALT,
    }
    team.record("10 Mar 2026", "contact_made", agreed_by="2026-03-18", **spoken)
    team.record("10 Mar 2026", "contact_made", agreed_by="2026-03-30", **spoken)
    team.record("10 Mar 2026", "contact_made", agreed_by="2026-03-17", **spoken)
    team.record("11 Mar 2026", "fact_withdrawn", corrects=6, reason="another case")
    context = team.context("16 Mar 2026")
    with reading(context.engine) as connection:
        found = meetings_of(context, connection, date(2026, 3, 16))
    assert [(each.on.isoformat(), each.what, each.seq, each.body) for each in found] == [
        ("2026-03-18", "promise", 4, TRUST)
    ]


def test_each_late_duty_has_its_next_act_as_a_link(sample: Installation, browsers: Callable[[str], Browser]) -> None:
    worst = today_of(sample.context(), TODAY).late[0]
    path = f"/cases/{worst.case_ref}/record/health_advice_received?body={worst.body}&amp;service={worst.service}"
    assert f'href="{path}"' in browsers("dco.team").get("/today").text
    assert "/record/" not in browsers("auditor").get("/today").text
    form = browsers("dco.team").get(path.replace("&amp;", "&")).text
    assert f'name="body" value="{worst.body}"' in form


def test_a_late_duty_says_when_its_body_was_last_written_to(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026", SALT)
    for when in ("2 Mar 2026", "23 Mar 2026", "7 Apr 2026"):
        team.day(when)
    context = team.context("20 May 2026")
    rows = [row for row in overdue(context, date(2026, 5, 20)) if row.body]
    with reading(context.engine) as connection:
        (found,) = last_chases(connection, rows).values()
        sent = {each.id for each in letters(context) if each.state == "sent" and not each.id.startswith("digest")}
    assert (found.on.isoformat(), found.to, found.letters) == ("2026-04-07", ("service",), len(sent))
    assert found.letters > 1


def test_each_row_says_who_was_chased_or_that_nobody_is(browsers: Callable[[str], Browser]) -> None:
    """A row of a duty that sendflow does not chase said nothing, as if its e-mails were not known."""
    for name in ("late", "soon"):
        rows = browsers("dco.team").get(f"/lists/{name}").text.partition("<tbody")[2].split("</tr>")[:-1]
        said = ("last e-mail ", "no e-mail yet", "sendflow does not chase it")
        assert [sum(each in row for each in said) for row in rows] == [1] * len(rows) != []


def test_an_escalation_to_several_names_each_that_was_written_to(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026", SALT)
    for when in ("2 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026"):
        team.day(when)
    rows = [row for row in overdue(team.context("21 Apr 2026"), date(2026, 4, 21)) if row.body]
    with reading(team.context("21 Apr 2026").engine) as connection:
        (found,) = last_chases(connection, rows).values()
    assert (found.on.isoformat(), found.rung) == ("2026-04-21", "escalation_provider")
    assert sorted(found.to) == ["dco", "provider_send_lead"]


def test_today_says_who_has_been_chased(browsers: Callable[[str], Browser]) -> None:
    html = browsers("dco.team").get("/today").text
    late = html.partition('<h2 id="late">')[2].partition('<h2 id="soon">')[0]
    assert re.search(r"last e-mail <time[^>]*>[^<]*</time> to the [a-z' ]+: ", late)
    assert "last e-mail" in browsers("auditor").get("/lists/late").text


def test_a_duty_of_our_team_is_not_under_the_authoritys_name(
    browsers: Callable[[str], Browser], sample: Installation
) -> None:
    """Before, the list said that the authority owed what our own team owes."""
    context = as_seen_by(sample.context(), "dco.team")
    found = today_of(context, TODAY)
    ours = [row for row in (*found.late, *found.soon) if row.duty_on == "our team" and row.body is None]
    assert any(row.la for row in ours)
    page = browsers("dco.team").get("/lists/late").text + browsers("dco.team").get("/lists/soon").text
    assert page.count("<strong>Our team</strong>") == len(ours)
