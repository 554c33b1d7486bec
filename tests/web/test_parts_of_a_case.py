"""A case page: bars and whose days equal its tables, cases of the same child, who looked; the queue and the order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from casework.access.seen import as_seen_by
from casework.cases.part_and_join import join
from casework.privacy.case_looks import Look, looks_at
from casework.reports.case_letters import letters_of
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.case_report import report
from tests.support.by_hand import TRUST
from tests.support.sample_home import TODAY
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of, with_roles, words_of
from web.charts import Bar, bars
from web.installation import Installation
from web.timeline import timeline

SAMPLE = "SP90001"
NUMBER = "999 000 0018"


def test_each_bar_has_its_duty_in_the_table_and_its_mark_on_the_due_date(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    found = report(sample.context(), SAMPLE)
    page = browsers("auditor").get(f"/cases/{SAMPLE}").text
    chart = page.partition('class="app-chart__bars"')[2].partition("</svg></div>")[0]
    rules = sample.context().law.rules
    shown = [duty for duty in found.duties if duty.due is not None and rules[duty.rule].bound == "by"]
    assert f'<title id="bars-title">{len(shown)} duties' in chart
    marks = [float(each) for each in re.findall(r'<svg x="([\d.]+)%"', chart)]
    by_place = [duty.due for _mark, duty in sorted(zip(marks, shown, strict=True), key=lambda each: each[0])]
    assert by_place == sorted(each for each in by_place if each is not None)
    for duty in shown:
        assert duty.due is not None and f'datetime="{duty.due.isoformat()}"' in page


@pytest.mark.parametrize(("status", "colour"), [("met", "#007f3b"), ("breached", "#d5281b"), ("running", "#005eb8")])
def test_a_bar_runs_from_its_start_to_its_end_in_the_colour_of_its_status(status: str, colour: str) -> None:
    """100 days wide and the last day of all is the due date: its mark is at 1 + 93 * 99 / 100 percent."""
    bar = Bar("advice", date(2026, 1, 1), date(2026, 4, 10), date(2026, 2, 20), status)
    drawn = bars([bar], date(2026, 3, 1))
    assert re.findall(r'<rect x="([\d.]+)%" y="\d+" width="([\d.]+)%" height="12" fill="(#\w+)"', drawn) == [
        ("1.0", "46.50", colour)
    ]
    assert '<svg x="93.07%"' in drawn
    assert "…" in bars([bar._replace(label="word " * 60)], date(2026, 3, 1)), "a label has two lines at most"


def test_whose_days_on_the_page_are_those_of_the_report(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    context, auditor = as_seen_by(sample.context(), "auditor"), browsers("auditor")
    rows = case_list(context, CaseFilter(show=Show.LATE), TODAY, 0).rows
    some = [found for row in rows if (found := report(context, row.case_ref)).whose_days][:5]
    assert some
    for found in some:
        page = auditor.get(f"/cases/{found.case_ref}").text
        table = page.partition('id="whose-days"')[2].partition("</table>")[0]
        days = [int(each) for each in re.findall(r"<strong>(\d+) days?</strong>", table)]
        assert days == [run.days for run in found.whose_days]
        assert f"{sum(days)} day" in table.partition("<table")[0]
        assert all(
            f'href="#fact-{run.seq}">' in table and run.provision.split(";")[0] in table for run in found.whose_days
        )


def test_a_case_names_the_other_cases_of_its_child(team: Team) -> None:
    for ref in ("NX90001", "NX90002"):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=ref, la="northshire", nhs_number=NUMBER)
    installation = Installation(with_roles(team.context("16 Mar 2026"), dco_team="dco").settings)
    page = words_of(browser_of(installation).sign_in("dco.team").get("/cases/NX90001"))
    assert "Other cases of the same child: NX90002 (EHC needs assessment, Request received)" in page
    installation.close()


def test_a_possible_duplicate_is_on_the_queue_until_it_is_answered(team: Team) -> None:
    """Two open notifications of one child at one authority: the Act has one."""
    opinion: dict[str, Any] = {"la": "northshire", "body": TRUST, "opinion": "sen", "date_of_birth": "2022-05-20"}
    team.record("2 Feb 2026", "section23_opinion_formed", case="NX90001", nhs_number=NUMBER, **opinion)
    team.record("3 Feb 2026", "section23_opinion_formed", case="NX90002", **opinion)
    join(team.context("16 Mar 2026"), "NX90001", "NX90002", "dco.team", confirmed=True)
    installation = Installation(with_roles(team.context("16 Mar 2026"), dco_team="dco").settings)
    person = browser_of(installation).sign_in("dco.team")
    assert "Possible duplicate" in words_of(person.get("/today"))
    page = person.get("/decide").text
    assert "1 thing waits" in page and "are open cases of one child" in page
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', page)[0]
    done = words_of(person.post("/decide/1", data={"token": token, "how": "two_matters"}))
    assert "The answer is stored" in done and "Possible duplicate" not in done
    assert "Possible duplicate" not in words_of(person.get("/today"))
    installation.close()


def test_who_looked_is_in_the_history_for_those_who_may_read_the_access_log(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    auditor, admin = browsers("auditor"), browsers("admin.team")
    admin.get(f"/cases/{SAMPLE}")
    path = f"/cases/{SAMPLE}?show=looks&by=admin.team"
    page = auditor.get(path).text.partition('id="history"')[2]
    looks = [each for each in looks_at(sample.context(), SAMPLE) if each.actor == "admin.team"]
    assert page.count("app-timeline__item--looks") == len(looks) > 0
    assert 'id="fact-1"' not in page and "Look: page of a case" in page
    both = auditor.get(f"/cases/{SAMPLE}?show=with_looks").text.partition('id="history"')[2]
    assert 'id="fact-1"' in both and both.count("app-timeline__item--looks") >= len(looks)
    assert "app-timeline__item--looks" not in auditor.get(f"/cases/{SAMPLE}").text
    hidden = admin.get(f"/cases/{SAMPLE}?show=with_looks").text
    assert "app-timeline__item--looks" not in hidden and "who looked at it" not in hidden


def test_a_replay_has_the_looks_of_its_instant_and_no_later_one(sample: Installation) -> None:
    found = report(sample.context(), SAMPLE, TODAY, "2026-04-01T12:00:00.000000Z")
    looks = [Look(at=f"2026-04-01T{hour}:00:00.000000Z", actor="auditor", what="case") for hour in (11, 13)]
    context, shown = sample.context(), {"show": "looks"}
    seen = timeline(found, letters_of(context, SAMPLE), shown, context.escalation_policy, looks)
    assert [entry.look for entry in seen] == looks[:1]


def test_the_list_of_cases_has_the_soonest_to_act_first(browsers: Callable[[str], Browser]) -> None:
    page = browsers("dco.team").get("/cases").text.partition("<tbody")[2]
    rows = page.split("</tr>")[:-1]
    days = [found[1] for row in rows if (found := re.search(r'<time datetime="(\d{4}-\d\d-\d\d)"', row))]
    assert len(days) > 10 and days == sorted(days)
