"""An enquiry, and a safeguarding referral, by the pages alone, in this process: from opening to end."""

import re

import pytest

from casework.access.accounts import change_role
from models.database import writing
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.walking import recorded, signed_in
from web.installation import Installation

AT_RANDOM = re.compile(r'(nonce|value)="[\w-]{20,}"')  # of each answer
ENQUIRY = {
    "sorted_as": "enquiry",
    "sender_is": "school",
    "topic": "medical_conditions",
    "la": "northshire",
    "sender": "Alex Quill of a school",
    "question": "who trains our staff for Alex",
}


def test_an_enquiry_is_dealt_with_by_pages_from_its_receipt_to_its_end(team: Team) -> None:
    browser = signed_in(team, "1 Apr 2026")
    where = recorded(browser, "new", "enquiry_received", "2026-03-02", **ENQUIRY)
    case = where.split("/")[2].partition("?")[0]
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Received</strong>" in page and "acknowledge the enquiry" in page and "Alex" not in page
    recorded(browser, case, "enquiry_acknowledged", "2026-03-03", channel="email", note="words of Alex")
    recorded(browser, case, "enquiry_taken_up", "2026-03-03", owner="dco.team", deputy="admin.team")
    asked = {"condition_class": "epilepsy", "healthcare_plan": "in_draft", "task_delegated": "yes", "risk": "medium"}
    recorded(browser, case, "medical_conditions_asked", "2026-03-03", **asked, competency_until="2027-03-01")
    recorded(browser, case, "training_wanted", "2026-03-03", course="epilepsy_awareness", audience="school", people="9")
    recorded(browser, case, "service_asked", "2026-03-03", body="QX101", service="community_paediatrics")
    assert "It is at <strong>Waiting on a service</strong>" in browser.get(f"/cases/{case}").text
    recorded(browser, case, "service_answered", "2026-03-05", body="QX101", service="community_paediatrics")
    recorded(browser, case, "enquiry_answered", "2026-03-06", channel="email", satisfied="yes", theme="plans")
    recorded(browser, case, "enquiry_reopened", "2026-03-09")
    recorded(browser, case, "enquiry_answered", "2026-03-11", channel="telephone")
    again = recorded(browser, "new", "enquiry_received", "2026-03-30", **ENQUIRY, follows=case).split("/")[2]
    recorded(browser, case, "case_closed", "2026-03-12")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Closed</strong>" in page and "is followed by" in page
    assert "follows" in browser.get(f"/cases/{again.partition('?')[0]}").text and "Alex" not in page
    listed = browser.get("/cases", params={"process": "enquiry", "show": "all"}).text
    assert case in listed and "Alex" not in listed
    team.case = case
    assert team.verify("1 Apr 2026").intact


@pytest.fixture
def lead(team: Team) -> Browser:
    """Who is named for safeguarding referrals."""
    context = team.context("1 May 2026")
    with writing(context.engine) as connection:
        change_role(connection, "safeguarding.lead", "dco", "safeguarding_referral", "safeguarding.lead")
    return browser_of(Installation(context.settings, context)).sign_in("safeguarding.lead")


def test_a_referral_is_followed_by_pages_by_who_is_named_and_seen_by_nobody_else(team: Team, lead: Browser) -> None:
    made = {
        "la": "northshire",
        "how": "form",
        "referred_to": "multi_agency_hub",
        "parents_informed": "yes",
        "concern": "words about Alex",
    }
    where = recorded(lead, "new", "safeguarding_referral_made", "2026-04-02", **made)
    case = where.split("/")[2].partition("?")[0]
    recorded(lead, case, "safeguarding_acknowledged", "2026-04-07", authority_reference="MASH-77")
    recorded(lead, case, "safeguarding_decided", "2026-04-09", decision="early_help", follow_up_on="2026-04-20")
    recorded(lead, case, "safeguarding_followed_up", "2026-04-20", situation="not_better")
    assert "nobody escalated it" in lead.get(f"/cases/{case}").text
    recorded(lead, case, "safeguarding_escalated", "2026-04-21", level="1")
    page = lead.get(f"/cases/{case}").text
    assert "It is at <strong>Escalated</strong>" in page and "Alex" not in page
    other = signed_in(team, "1 May 2026")
    for address in ("/today", "/cases", "/cases?show=all", "/letters", "/decide", "/cases/new/record"):
        text = other.get(address).text
        assert case not in text and "MASH" not in text, address
    hidden, unknown = other.get(f"/cases/{case}"), other.get("/cases/SR-009999")
    assert hidden.status_code == unknown.status_code == 404
    assert AT_RANDOM.sub("", hidden.text).replace(case, "SR-009999") == AT_RANDOM.sub("", unknown.text)
    recorded(lead, case, "case_closed", "2026-04-30")
    assert "It is at <strong>Closed</strong>" in lead.get(f"/cases/{case}").text
    team.case = case
    assert team.verify("1 May 2026").intact
