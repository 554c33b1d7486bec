"""A round of audits by the pages alone, in this process: opened, drawn, marked, fed back and read."""

from tests.cli.test_plan_audit_walk import answers
from tests.support.team import Team
from tests.web.walking import recorded, signed_in

MARKS = answers(outcomes="no").removeprefix("answers=")


def test_a_round_is_drawn_and_marked_by_pages(team: Team) -> None:
    advice = [
        ("ehc_assessment_requested", "2026-01-05", {"la": "northshire"}),
        ("assessment_agreed", "2026-01-12", {}),
        ("health_advice_requested", "2026-01-13", {"service": "camhs"}),
        ("health_advice_received", "2026-02-10", {"service": "camhs"}),
    ]
    for fact in advice:
        team.act("10 Feb 2026", fact)
    child = team.case
    browser = signed_in(team, "1 Apr 2026")
    where = recorded(browser, "new", "audit_opened", "2026-03-02", audit_tool="health_advice_1")
    case = where.split("/")[2].partition("?")[0]
    form = browser.get(f"/cases/{case}/record/sample_drawn", params={"on": "given"}).text
    assert "seed" in form and "frame_sha256" not in form, "what the drawing works out is not asked"
    drawing = {"from_on": "2026-02-01", "to_on": "2026-02-28", "seed": "spring_2026", "size": "3", "strata": "la"}
    recorded(browser, case, "sample_drawn", "2026-03-03", **drawing)
    page = browser.get(f"/cases/{case}").text
    assert "1 of 1 were drawn under the seed spring_2026" in page
    assert "The audited item 1 (" in page and "): Drawn" in page and f"/cases/{child}" in page
    given = {"item": "item_1", "marked_by": "kim.roe", "answers": MARKS, "evidence": "page 2, about Alex"}
    recorded(browser, case, "item_marked", "2026-03-09", **given)
    recorded(browser, case, "feedback_given", "2026-03-16", body="QX104", service="camhs")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Feedback given</strong>" in page
    assert "Marked so far: 1. Grades: 1 outstanding." in page
    assert "Weakest criteria of QX104 CAMHS: outcomes." in page
    assert "read the feedback with the authors, and say so" in page and "Alex" not in page
    assert "author role and registration=yes, date seen=yes" in page, "a list is not shown as a program writes it"
    action = {"item": "action_1", "action_owner": "lead", "due_on": "2026-04-15", "what": "teach Alex"}
    recorded(browser, case, "action_agreed", "2026-03-17", **action)
    page = browser.get(f"/cases/{case}").text
    assert "<b>what</b> <em>confidential words</em>" in page, "every free text is named, and no token shown"
    recorded(browser, case, "feedback_read", "2026-03-20", body="QX104", service="camhs")
    recorded(browser, case, "action_done", "2026-03-23", item="action_1")
    recorded(browser, case, "audit_reported", "2026-03-25", reported_to="quality_board")
    recorded(browser, case, "case_closed", "2026-03-27")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Closed</strong>" in page
    assert "1 outstanding" in browser.get("/registers/audit_grades").text, (
        "the grades of an ended round stay in the list"
    )
    assert "is audited by" in browser.get(f"/cases/{child}").text
    team.case = case
    assert team.verify("1 Apr 2026").intact


def test_a_first_mark_is_not_shown_until_the_blind_second_one_is_in(team: Team) -> None:
    browser = signed_in(team, "1 Apr 2026")
    where = recorded(browser, "new", "audit_opened", "2026-03-02", audit_tool="health_advice_1")
    case = where.split("/")[2].partition("?")[0]
    drawing = {"from_on": "2026-02-01", "to_on": "2026-02-28", "seed": "spring_2026", "size": "3"}
    recorded(browser, case, "sample_drawn", "2026-03-03", **drawing)
    for item, second in (("once", "no"), ("twice", "yes")):
        recorded(browser, case, "item_drawn", "2026-03-03", item=item, second_mark=second, body="QX104")
        given = {"marked_by": "kim.roe", "answers": MARKS, "evidence": "page 2"}
        recorded(browser, case, "item_marked", "2026-03-09", item=item, **given)
    page = browser.get(f"/cases/{case}").text
    assert page.count("author role and registration=yes") == 1, "the mark of the item that is marked once"
    assert "shown when the other mark is recorded" in page
    assert "Marked so far: 1." in page and "the other mark is still to come: twice." in page
    assert "author role" not in browser.get(f"/cases/{case}?text=author role and registration").text.split("twice")[-1]
    again = {"item": "twice", "marked_by": "lee.fox", "answers": MARKS, "evidence": "page 2", "blind": "yes"}
    recorded(browser, case, "item_marked_again", "2026-03-10", **again)
    page = browser.get(f"/cases/{case}").text
    assert page.count("author role and registration=yes") == 3 and "Marked so far: 2." in page
    assert "shown when the other mark is recorded" not in page
