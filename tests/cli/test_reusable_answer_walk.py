"""Reusable answers by the commands and by the pages: written, used by an enquiry, read again, revised, retired."""

import json
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.calling import Call, field_options
from tests.support.team import Team
from tests.web.walking import recorded, signed_in

CASE, ENQUIRY = "RA90001", "EQ90001"
WORDING = ("title=Who trains staff", "words=The nursing team does.", "topic=training", "owner=dco.team")


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    return call(on, "record", case, fact, "--on", on, *field_options(*data), "--actor", "dco.team", "--json")


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def listed(call: Call, today: str) -> list[dict[str, Any]]:
    found = json.loads(call(today, "register", "reusable_answers", "--json").stdout)
    return [row["cells"] for row in found["rows"]]


def test_an_answer_is_written_used_by_its_wording_read_again_revised_and_retired(call: Call, tmp_path: Path) -> None:
    lived(call, ("2026-03-02", "reusable_answer_written", *WORDING, "review_on=2026-06-01"))
    received = ("sorted_as=enquiry", "sender_is=school", "topic=training")
    lived(
        call,
        ("2026-03-03", "enquiry_received", *received),
        ("2026-03-04", "enquiry_answered", f"reused_answer={CASE}/1"),
        case=ENQUIRY,
    )
    assert listed(call, "2026-03-04") == [
        {
            "case_ref": CASE,
            "topic": "training",
            "title": "Who trains staff",
            "words": "The nursing team does.",
            "wording": f"{CASE}/1",
            "owner": "dco.team",
            "review_on": "Mon 1 Jun 2026",
            "late": "",
            "used": "1",
        }
    ]
    assert listed(call, "2026-06-02")[0]["late"] == "yes"
    assert json.loads(call("2026-06-02", "case", CASE, "--json").stdout)["duties"] == [], "no clock makes anybody late"
    assert json.loads(call("2026-06-02", "overdue", "--json").stdout) == []
    lived(call, ("2026-06-02", "reusable_answer_checked", "review_on=2026-12-01", "owner=admin.team"))
    assert [listed(call, "2026-06-02")[0][key] for key in ("owner", "review_on")] == ["admin.team", "Tue 1 Dec 2026"]
    wording = ("title=Who trains staff", "words=A film does.", "topic=training", "owner=dco.team")
    lived(call, ("2026-06-03", "reusable_answer_revised", *wording, "review_on=2027-01-01"))
    revised = listed(call, "2026-06-03")[0]
    assert (revised["words"], revised["wording"], revised["used"]) == ("A film does.", f"{CASE}/3", "1")
    lived(call, ("2026-06-04", "reusable_answer_retired", "why=the film is old"))
    assert listed(call, "2026-06-04") == []
    history = json.loads(call("2026-06-04", "case", ENQUIRY, "--json").stdout)["facts"]
    assert history[-1]["data"] == {"reused_answer": f"{CASE}/1", "satisfied": "not_asked"}
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    assert b"nursing team" not in everything, "words are stored encrypted, and can be erased"
    assert json.loads(call("2026-06-04", "verify", "--json").stdout)["intact"] is True


def test_an_enquiry_names_a_wording_that_is_recorded_and_no_other_fact(call: Call) -> None:
    lived(call, ("2026-03-02", "reusable_answer_written", *WORDING, "review_on=2026-06-01"))
    lived(call, ("2026-03-03", "reusable_answer_checked", "review_on=2026-09-01"))
    lived(
        call,
        ("2026-03-03", "enquiry_received", "sorted_as=enquiry", "sender_is=school", "topic=training"),
        case=ENQUIRY,
    )
    for named, says in (
        (f"{CASE}/9", "names a fact that is not recorded"),
        (f"{CASE}/2", "names a fact that is not reusable_answer_written or reusable_answer_revised"),
        (f"{ENQUIRY}/1", "names a fact that is not reusable_answer_written or reusable_answer_revised"),
        ("training", "the number of its fact were expected"),
    ):
        refused = record(call, "2026-03-04", "enquiry_answered", f"reused_answer={named}", case=ENQUIRY)
        assert refused.exit_code == 2 and says in " ".join(refused.stderr.split()), refused.stderr


def test_an_answer_is_written_and_chosen_by_pages(team: Team) -> None:
    browser = signed_in(team, "1 Apr 2026")
    wording = {"title": "Who trains staff", "words": "The nursing team does.", "topic": "training", "owner": "dco.team"}
    where = recorded(browser, "new", "reusable_answer_written", "2026-03-02", **wording, review_on="2026-03-20")
    answer = where.split("/")[2].partition("?")[0]
    page = browser.get("/registers/reusable_answers").text
    assert "The nursing team does." in page and "Fri 20 Mar 2026" in page and "To be read again now" in page
    assert "Reusable answers" in browser.get("/registers").text
    received = {"sorted_as": "enquiry", "sender_is": "school", "topic": "training"}
    enquiry = recorded(browser, "new", "enquiry_received", "2026-03-03", **received).split("/")[2].partition("?")[0]
    address, given = f"/cases/{enquiry}/record/enquiry_answered", {"on": "given", "channel": "email", "note": "x"}
    form = browser.get(address, params=given).text
    assert f"Who trains staff ({answer}/1)" in form, "an answer in use is offered by its title"
    recorded(browser, enquiry, "enquiry_answered", "2026-03-04", reused_answer=f"{answer}/1")
    assert f"{answer}/1" in browser.get(f"/cases/{enquiry}").text
    recorded(browser, answer, "reusable_answer_retired", "2026-03-30")
    assert answer not in browser.get("/registers/reusable_answers").text
    assert answer not in browser.get(address, params=given).text
    team.case = answer
    assert team.verify("1 Apr 2026").intact
