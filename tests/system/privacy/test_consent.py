"""The dynamic support register: who withdraws consent is named nowhere from then on, and who agreed to no sharing is
shown to nobody outside our team.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from casework import webhooks
from casework.bundles.build import CannotBundle, Wanted, bundle
from casework.delivery.webhook_calls import send_calls
from casework.reports.panel_papers import pack, sitting
from casework.reports.registers.shape import Wanted as WantedOfList
from casework.reports.registers.support import support_register
from flows import artifacts
from tests.support.calling import sendflow
from tests.support.page_walk import walked
from tests.support.team import Team
from tests.support.webhook_receiver import HERE, receiving
from tests.web.api.conftest import program_of, token_for
from tests.web.walking import signed_in
from web.installation import Installation

CASE, OTHER, SITTING = "DS90001", "DS90002", "PS90001"
TODAY, DAY = "26 Mar 2025", "2025-03-26"
ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "withdrawn": ("dsr_consent_withdrawn", {"said_by": "the_person"}),
    "no sharing": ("dsr_consent_given", {"given_by": "the_person", "sharing": "no"}),
}


@pytest.fixture
def two(team: Team) -> Team:
    """Two people on the register, each with a late review, and a sitting of a panel about both."""
    for case, number in ((CASE, "9990000018"), (OTHER, "9990000026")):
        child: dict[str, Any] = {"la": "northshire", "nhs_number": number, "date_of_birth": "2010-06-17"}
        team.record("3 Mar 2025", "dsr_referred", case=case, referred_by="family", **child)
        team.record("5 Mar 2025", "dsr_consent_given", case=case, given_by="parent", sharing="yes")
        team.record("10 Mar 2025", "dsr_rated", case=case, rating="red", reason="at risk")
    team.record("10 Mar 2025", "sitting_called", case=SITTING, panel="ehc_weekly", sits_on="2025-04-09")
    for code, case in (("item_0", CASE), ("item_1", OTHER)):
        item: dict[str, Any] = {"item": code, "question": "issue_plan", "about_case": case}
        team.record("10 Mar 2025", "item_listed", case=SITTING, **item)
    return team


def outside(team: Team, receiver: Any) -> dict[str, str]:
    """What agencies see of the two: by name of the outlet."""
    context = team.context(TODAY)
    allowed = replace(context, settings=replace(context.settings, webhook_hosts=(HERE,)))
    token = token_for(context, "northshire.system", role="council_system")
    council = program_of(Installation(context.settings, context), token)
    send_calls(allowed)
    shown = {
        "list": council.read("/own/cases?show=all").text,
        "case": "".join(council.read(f"/own/cases/{case}").text for case in (CASE, OTHER)),
        "papers": pack(sitting(context, SITTING)).replace(f"{CASE}*", ""),
        "webhook": " ".join(each.body for each in receiver.taken),
    }
    receiver.taken.clear()
    for case in (CASE, OTHER):
        try:
            bundle(context, case, "dco.team", wanted=Wanted("trust"))
        except CannotBundle:
            continue
        shown["bundle"] = shown.get("bundle", "") + case
    return shown


@pytest.mark.parametrize("end", ENDS)
def test_no_agency_sees_a_case_whose_consent_does_not_cover_sharing(two: Team, end: str) -> None:
    kind, said = ENDS[end]
    context = two.context(TODAY)
    with receiving() as receiver:
        webhooks.make(
            replace(context, settings=replace(context.settings, webhook_hosts=(HERE,))),
            receiver.address,
            "northshire",
            "it.oncall",
        )
        for case in (CASE, OTHER):
            two.record("24 Mar 2025", "dsr_rated", case=case, rating="red", reason="still at risk")
        before = outside(two, receiver)
        assert all(CASE in text and OTHER in text for text in before.values()), before
        two.record(TODAY, "dsr_rated", case=CASE, rating="amber", reason="less at risk")
        two.record(TODAY, "dsr_rated", case=OTHER, rating="amber", reason="less at risk")
        two.record(TODAY, kind, case=CASE, **said)
        after = outside(two, receiver)
    assert [name for name, text in after.items() if CASE in text] == []
    assert [name for name, text in after.items() if OTHER not in text] == []
    listed = {row.case_ref: row.marked for row in support_register(context, WantedOfList.of(context.today())).rows}
    assert OTHER in listed
    assert listed.get(CASE) == (None if end == "withdrawn" else ["share nothing with other agencies"])


def inside(team: Team) -> Iterator[tuple[str, str]]:
    """Every surface of our own team, but the case's own page: pages, files, letters, commands, programs, Prefect."""
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": DAY}
    for words in (
        "sweep",
        "deliver --now --reason walk",
        "digest",
        "overdue --json",
        "due-soon --json",
        "undated --json",
        "letters --json",
        "ladder --json",
        "to-decide --json",
        "replies --json",
        "joint-review --json",
        "register dynamic_support --json",
        "papers " + SITTING,
        "transitions --json",
        "doctor --quick --json",
    ):
        yield words, sendflow(*words.split(), env=env).output
    browser = signed_in(team, TODAY)
    for address, _status, text in walked(browser, ["/", "/lists/late", "/cases", "/registers/dynamic_support"]):
        yield address, text
    context = team.context(TODAY)
    program = program_of(Installation(context.settings, context), token_for(context, "a.program"))
    for path in ("/cases?show=all", f"/cases/{CASE}", f"/cases/{CASE}/recordable", "/duties?show=open", "/letters"):
        yield f"/api/v1{path}", program.read(path).text
    yield "Prefect", str(artifacts.overdue_by_body(context, context.today()))
    yield "Prefect", str(artifacts.due_this_week(context, context.today()))
    for letter in sorted(Path(team.home / "letters").glob("*.eml")):
        yield f"letter {letter.name}", letter.read_text("utf-8", "replace")


@pytest.mark.timeout(300)
def test_who_withdraws_consent_is_named_on_no_surface_from_then_on(two: Team) -> None:
    two.sweep(TODAY)
    named = {name for name, text in inside(two) if CASE in text}
    assert {"/", "/registers/dynamic_support", "overdue --json", "/api/v1/cases?show=all"} <= named
    for letter in (two.home / "letters").glob("*.eml"):
        letter.unlink()
    kind, said = ENDS["withdrawn"]
    two.record(TODAY, kind, case=CASE, **said)
    two.sweep(TODAY)
    after = dict(inside(two))
    assert len(after) > 60 and any(OTHER in text for text in after.values())
    # A sitting has the history of its agenda, an e-mail is shown as it was sent, and the log of looks has every look.
    own = ("/cases/PS90001", f"/cases/{CASE}", f"/children/{CASE}", "/letters/2", "/letters/digest-", "/audit")
    assert [name for name, text in after.items() if CASE in text and not name.startswith(own)] == []
    browser = signed_in(two, TODAY)
    assert CASE in browser.get(f"/cases?search={CASE}").text, "who types the whole reference finds it"
    assert CASE not in browser.get("/cases?search=DS").text
    page = browser.get(f"/cases/{CASE}").text
    assert "Consent was declined or withdrawn." in page, "our team reads on the case itself why"
