"""The lists of registers by value: what panels did, who approved what within which limit, what of packages ends."""

from datetime import date
from typing import Any

import pytest

from casework.reports.registers.packages import approvals, packages_due
from casework.reports.registers.panels import panel_statistics, periods
from casework.reports.registers.shape import By, Wanted
from tests.support.team import Team

TODAY = "30 Jun 2026"
LINE: dict[str, Any] = {
    "basis": "section_g",
    "quantity": 4,
    "unit": "visit",
    "per": "week",
    "times_a_year": 52,
    "unit_cost_pence": 5250,
    "shares": ["health=60", "social_care=40"],
}


def sat(team: Team, case: str, sits_on: str, *facts: tuple[str, str, dict[str, Any]], **called: Any) -> None:
    team.act(
        "2 Mar 2026", ("sitting_called", "2 Mar 2026", {"panel": "ehc_weekly", "sits_on": sits_on, **called}), case=case
    )
    for kind, on, data in facts:
        team.act(TODAY, (kind, on, data), case=case)


def listed(item: str) -> tuple[str, str, dict[str, Any]]:
    return ("item_listed", "3 Mar 2026", {"item": item, "question": "issue_plan"})


def view(item: str, said: str) -> tuple[str, str, dict[str, Any]]:
    return ("health_view_given", "9 Mar 2026", {"item": item, "view": said, "given_by": "dco", "reasons": "words"})


def decided(item: str, outcome: str, **data: Any) -> tuple[str, str, dict[str, Any]]:
    return ("item_decided", "18 Mar 2026", {"item": item, "outcome": outcome, "decided_by": "local_authority", **data})


def paper(item: str, on: str) -> tuple[str, str, dict[str, Any]]:
    kind = {
        "document_title": "t",
        "document_kind": "health_advice",
        "document_held_in": "share",
        "document_on": "2026-02-10",
    }
    return ("item_paper_received", on, {"item": item, **kind})


def held(present: list[str], on: str = "18 Mar 2026") -> tuple[str, str, dict[str, Any]]:
    return ("sitting_held", on, {"attended": len(present), "present": present})


@pytest.fixture
def panels(team: Team) -> Team:
    """Sittings of 18 March (five items), of 25 March (not quorate), one cancelled, and another type in May."""
    sat(
        team,
        "PS90001",
        "2026-03-18",
        *(listed(f"item_{number}") for number in range(1, 7)),
        paper("item_1", "12 Mar 2026"),
        paper("item_2", "13 Mar 2026"),
        paper("item_6", "13 Mar 2026"),
        view("item_1", "supports"),
        view("item_2", "does_not_support"),
        view("item_3", "needs_more"),
        held(["education", "health", "social_care"]),
        decided("item_1", "agreed"),
        decided("item_2", "agreed", health_dissents="yes"),
        decided("item_3", "refused"),
        ("item_deferred", "18 Mar 2026", {"item": "item_4", "why": "health_advice_missing"}),
        ("item_overturned", "12 May 2026", {"item": "item_3", "overturned_by": "tribunal"}),
        la="northshire",
    )
    sat(
        team,
        "PS90002",
        "2026-03-25",
        listed("item_1"),
        ("item_deferred", "25 Mar 2026", {"item": "item_1", "why": "not_quorate"}),
        held(["education", "health"], "25 Mar 2026"),
        (
            "item_decided_out_of_panel",
            "1 Apr 2026",
            {"item": "item_1", "outcome": "refused", "decided_by": "local_authority", "why": "emergency"},
        ),
        la="eastmere",
    )
    sat(team, "PS90003", "2026-04-01", ("case_withdrawn", "30 Mar 2026", {}), la="northshire")
    sat(team, "PS90004", "2026-05-20", panel="joint_funding", la="northshire")
    return team


def counted(team: Team, **wanted: Any) -> list[dict[str, Any]]:
    asked = Wanted.of(date(2026, 6, 30), **wanted)
    return [row.model_dump() for row in panel_statistics(team.context(TODAY), asked).rows]


def test_what_a_panel_did_is_counted_by_hand(panels: Team) -> None:
    first, funding, every = counted(panels)
    assert (first["panel"], first["panel_name"]) == ("ehc_weekly", "EHC needs assessment panel")
    by_hand = {
        "sittings": 3,
        "held": 2,
        "cancelled": 1,
        "not_yet": 0,
        "quorate": 1,
        "not_quorate": 1,
        "items": 7,
        "decided": 3,
        "deferred": 2,
        "deferred_why": "health advice missing 1, not quorate 1",
        "removed": 0,
        "waiting": 2,
        "papers": 3,
        "late_papers": 2,
        "decided_with_late_papers": 1,
        "with_view": 1,
        "against_view": 1,
        "without_view": 2,
        "dissents": 1,
        "out_of_panel": 1,
        "overturned": 1,
        "overturned_by": "tribunal 1",
    }
    assert {name: first[name] for name in by_hand} == by_hand
    assert (funding["sittings"], funding["not_yet"], funding["held"]) == (1, 1, 0)
    assert every["panel"] == "all" and every["sittings"] == 4
    assert every["decided"] == 3 and every["deferred_why"] == first["deferred_why"]


def test_counts_are_of_one_authority_and_of_each_period(panels: Team) -> None:
    assert [(row["panel"], row["sittings"]) for row in counted(panels, la="eastmere")] == [("ehc_weekly", 1)]
    months = counted(panels, from_on=date(2026, 3, 1), to_on=date(2026, 5, 31), by=By.MONTH)
    assert [(str(row["from_on"]), str(row["to_on"]), row["panel"], row["sittings"]) for row in months] == [
        ("2026-03-01", "2026-03-31", "ehc_weekly", 2),
        ("2026-04-01", "2026-04-30", "ehc_weekly", 1),
        ("2026-05-01", "2026-05-31", "joint_funding", 1),
    ]
    assert counted(panels, from_on=date(2026, 3, 19), to_on=date(2026, 3, 24)) == []


def test_periods_end_with_the_month_the_quarter_and_the_time_that_is_wanted() -> None:
    def of(by: By, first: date, last: date) -> list[tuple[str, str]]:
        asked = Wanted.of(last, first, last, by=by)
        return [(one.isoformat(), other.isoformat()) for one, other in periods(asked)]

    assert of(By.QUARTER, date(2025, 11, 15), date(2026, 5, 3)) == [
        ("2025-11-15", "2025-12-31"),
        ("2026-01-01", "2026-03-31"),
        ("2026-04-01", "2026-05-03"),
    ]
    assert of(By.MONTH, date(2025, 12, 1), date(2026, 1, 31)) == [
        ("2025-12-01", "2025-12-31"),
        ("2026-01-01", "2026-01-31"),
    ]
    assert of(By.WHOLE, date(2026, 1, 5), date(2026, 1, 5)) == [("2026-01-05", "2026-01-05")]


@pytest.fixture
def packages(team: Team) -> Team:
    """A package of two lines of which one ended before the approval; varied and approved again; on notice."""
    for case in ("PK90001", "PK90002"):
        team.act("2 Mar 2026", ("package_proposed", "2 Mar 2026", {"la": "northshire"}), case=case)
    for kind, on, data in (
        ("line_proposed", "2 Mar 2026", {"item": "line_1", "provider": "QX101", **LINE}),
        ("line_proposed", "2 Mar 2026", {"item": "line_2", "provider_name": "words", **LINE}),
        ("line_ended", "3 Mar 2026", {"item": "line_2"}),
        ("agreed_in_principle", "9 Mar 2026", {}),
        ("package_approved", "16 Mar 2026", {"approver": "icb_commissioner", "trial_until": "2026-08-31"}),
        ("package_went_live", "1 Apr 2026", {}),
        ("variation_proposed", "1 Jun 2026", {}),
        ("line_varied", "1 Jun 2026", {"item": "line_1", "quantity": 10, "ends_on": "2026-09-15"}),
        ("package_approved", "8 Jun 2026", {"approver": "icb_commissioner", "trial_until": "2026-09-30"}),
        ("cessation_notified", "15 Jun 2026", {"ends_on": "2026-10-31", "reasons": "words"}),
    ):
        team.act(TODAY, (kind, on, data), case="PK90001")
    team.act(TODAY, ("package_approved", "22 Jun 2026", {"approver": "icb_director"}), case="PK90002")
    return team


def test_the_register_of_approvals_says_who_approved_what_within_which_limit(packages: Team) -> None:
    found = approvals(packages.context(TODAY), Wanted.of(date(2026, 6, 30)))
    said = [
        (str(row.approved_on), row.case_ref, row.approver, row.item, row.line_pence, row.package_pence, row.within)
        for row in found.rows
    ]
    assert said == [
        ("2026-06-22", "PK90002", "ICB director", None, None, 0, "yes"),
        ("2026-06-08", "PK90001", "ICB commissioner", "line_1", 2_730_000, 2_730_000, "no"),
        ("2026-03-16", "PK90001", "ICB commissioner", "line_1", 1_092_000, 1_092_000, "yes"),
    ]
    last = found.rows[-1]
    assert (last.recorded_by, last.limit_pence, last.basis, last.provider, last.shares, last.la, last.la_name) == (
        "dco.team",
        2_500_000,
        "section G",
        "QX101",
        "health=60, social_care=40",
        "northshire",
        "Northshire",
    )
    assert (last.provider_name, last.shares_name, last.item_name) == (
        "Northshire Community Health NHS Trust",
        "health 60%, social care 40%",
        "line 1",
    )
    march = Wanted.of(date(2026, 6, 30), date(2026, 3, 1), date(2026, 3, 31))
    assert [row.item for row in approvals(packages.context(TODAY), march).rows] == ["line_1"]


@pytest.mark.parametrize(("days", "items"), [(90, 2), (92, 3), (123, 4)])
def test_what_of_packages_ends_or_is_to_be_reviewed_in_some_days(packages: Team, days: int, items: int) -> None:
    """Live on 1 April: first review by 1 July. On 30 June the line ends in 77 days, the trial in 92, it all in 123."""
    found = packages_due(packages.context(TODAY), Wanted.of(date(2026, 6, 30), days=days)).rows
    by_hand = [
        ("2026-07-01", 1, "review the package", None),
        ("2026-09-15", 77, "the line ends", "line_1"),
        ("2026-09-30", 92, "the trial ends: decide it again", None),
        ("2026-10-31", 123, "the package ends by notice", None),
    ]
    assert [(str(row.on), row.days, row.what, row.item) for row in found] == by_hand[:items]
    assert {(row.case_ref, row.state, row.care_plan) for row in found} == {
        ("PK90001", "Ceasing on notice", "none recorded")
    }


def test_a_package_that_ended_and_a_withheld_child_are_not_listed(packages: Team) -> None:
    wanted = Wanted.of(date(2026, 6, 30), days=200)
    packages.act(TODAY, ("person_flagged_sensitive", TODAY, {"reason": "words"}), case="PK90001")
    context = packages.context(TODAY)
    assert (packages_due(context, wanted).rows, packages_due(context, wanted).not_named) == ([], 4)
    assert ([row.case_ref for row in approvals(context, wanted).rows], approvals(context, wanted).not_named) == (
        ["PK90002"],
        2,
    )
    packages.act(TODAY, ("package_ended", TODAY, {}), case="PK90001")
    assert packages_due(context, wanted).not_named == 0
