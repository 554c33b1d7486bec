"""An enquiry by the commands alone: from its receipt to its end, each kind of matter, with its letters."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE = "EQ90001"
PARENT = ("sender_is=parent", "topic=waiting_list", "la=Northshire", "la_reference=NS-04412")
SERVICE = ("body=QX101", "service=community_paediatrics")


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str, case: str = CASE) -> Any:
    return json.loads(call(today, "case", case, "--json").stdout)


def standings(call: Call, today: str, case: str = CASE) -> dict[str, tuple[str, str | None]]:
    found = shown(call, today, case)["duties"]
    return {duty["rule"]: ("ended" if duty["ended_on"] else duty["standing"], duty["due"]) for duty in found}


def a_day(call: Call, today: str) -> None:
    assert call(today, "sweep").exit_code == 0
    assert call(today, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def letters(tmp_path: Path) -> list[tuple[str, str, str]]:
    """To whom each letter went, its subject and its text, in the order of their files."""
    found = []
    for file in sorted((tmp_path / "var" / "letters").glob("*.eml")):
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = letter.get_body(("plain",))
        assert body is not None
        found.append((str(letter["To"]), str(letter["Subject"]), " ".join(body.get_content().split())))
    return found


def test_from_the_receipt_to_the_answer_and_back_with_letters(call: Call, tmp_path: Path) -> None:
    """Received on Monday 2 March: acknowledged by Wednesday 4, answered by Monday 9; a service has 3 working days."""
    lived(
        call,
        (
            "2026-03-02",
            "enquiry_received",
            "sorted_as=concern",
            *PARENT,
            "nhs_number=9990000018",
            "sender=Alex Quill",
            "question=Alex waits",
        ),
    )
    assert standings(call, "2026-03-02") == {
        "enquiry_acknowledge": ("due_soon", "2026-03-04"),
        "enquiry_answer": ("due_soon", "2026-03-09"),
    }
    lived(
        call,
        ("2026-03-03", "enquiry_acknowledged", "channel=email", "note=Alex rang"),
        ("2026-03-03", "enquiry_taken_up", "owner=dco.team", "deputy=admin.team"),
        ("2026-03-03", "authority_to_discuss_established", "authority_to_discuss=parental_responsibility"),
        ("2026-03-03", "service_asked", *SERVICE),
    )
    assert shown(call, "2026-03-03")["state"] == "waiting_on_service"
    a_day(call, "2026-03-03")
    a_day(call, "2026-03-05")
    lived(
        call,
        ("2026-03-06", "holding_reply_sent", "received_on=2026-03-02"),
        ("2026-03-09", "sender_asked", "channel=telephone"),
        ("2026-03-11", "sender_replied"),
        ("2026-03-13", "enquiry_answered", "channel=email", "satisfied=no", "theme=waiting_times"),
    )
    found = standings(call, "2026-03-13")
    assert found["enquiry_answer"] == ("ended", "2026-03-09"), "the holding reply gave the answer its longer time"
    assert found["enquiry_answer_held"] == ("met", "2026-03-16"), "a question back to the sender is a reply"
    assert found["enquiry_answer_further"] == ("met", "2026-03-18")
    assert found["enquiry_service_answer"] == ("ended", "2026-03-06")
    a_day(call, "2026-03-13")
    service = "community.paediatrics@northshire-community.example"
    assert [(to, subject.partition(": ")[2]) for to, subject, _text in letters(tmp_path) if to == service] == [
        (service, "we need your answer for an enquiry by 6 March 2026"),
        (service, "we need your answer for an enquiry by 6 March 2026"),
        (service, "our question about an enquiry needs no answer since 13 March 2026"),
    ]
    last = letters(tmp_path)[-1][2]
    assert "Our team answered the enquiry on 13 March 2026." in last and "7 days late by our own standard" in last
    lived(
        call,
        ("2026-03-16", "enquiry_reopened", "note=Alex wrote again"),
        ("2026-03-18", "enquiry_answered", "satisfied=yes"),
        ("2026-04-01", "case_closed"),
    )
    ended = shown(call, "2026-04-01")
    assert ended["state"] == "closed" and {duty["standing"] for duty in ended["duties"] if not duty["ended_on"]} == {
        "met"
    }
    for _to, subject, text in letters(tmp_path):
        assert "Alex" not in subject + text and "9990000018" not in subject + text
    assert json.loads(call("2026-04-01", "verify", "--json").stdout)["intact"] is True


def test_a_closed_enquiry_that_comes_back_follows_the_first_and_two_of_one_matter_are_merged(call: Call) -> None:
    lived(
        call,
        ("2026-03-02", "enquiry_received", "sorted_as=enquiry", *PARENT),
        ("2026-03-04", "enquiry_redirected", "redirected_to=gp", "warm_handover=yes"),
        ("2026-03-06", "enquiry_returned"),
        ("2026-03-10", "enquiry_answered"),
        ("2026-03-11", "case_closed"),
    )
    again = ("sorted_as=enquiry", "sender_is=parent", "topic=waiting_list", f"follows={CASE}")
    lived(call, ("2026-03-30", "enquiry_received", *again), case="EQ90002")
    lived(call, ("2026-03-31", "enquiry_received", *again[:3]), case="EQ90003")
    lived(call, ("2026-03-31", "enquiry_merged", "merged_into=EQ90002"), case="EQ90003")
    assert [(link["case_ref"], link["says"]) for link in shown(call, "2026-04-01")["links"]] == [
        ("EQ90002", "is followed by")
    ]
    assert [(link["case_ref"], link["says"]) for link in shown(call, "2026-04-01", "EQ90002")["links"]] == [
        (CASE, "follows"),
        ("EQ90003", "took in"),
    ]
    assert shown(call, "2026-04-01", "EQ90003")["state"] == "merged"
    assert set(standings(call, "2026-04-01", "EQ90003").values()) == {("ended", "2026-04-02"), ("ended", "2026-04-09")}


@pytest.mark.parametrize(
    ("kind", "facts", "due"),
    [
        ("nhs_complaint", [("2026-03-04", "enquiry_acknowledged")], {"nhs_complaint_acknowledge": "2026-03-05"}),
        (
            "nhs_complaint",
            [("2026-08-20", "delay_explained"), ("2026-09-30", "enquiry_answered")],
            {"nhs_complaint_respond": "2026-09-01"},
        ),
        (
            "data_protection_complaint",
            [("2026-03-30", "enquiry_acknowledged")],
            {"dp_complaint_acknowledge": "2026-03-31"},
        ),
        ("foi_request", [("2026-03-30", "enquiry_answered")], {"foi_answer": "2026-03-30"}),
        ("subject_access_request", [("2026-04-01", "enquiry_answered")], {"subject_access_answer": "2026-04-02"}),
        (
            "subject_access_request",
            [("2026-03-20", "subject_access_extended", "received_on=2026-03-02"), ("2026-06-01", "enquiry_answered")],
            {"subject_access_answer_extended": "2026-06-02"},
        ),
    ],
)
def test_each_kind_of_matter_has_its_clock_by_hand(
    call: Call, kind: str, facts: list[tuple[str, ...]], due: dict[str, str]
) -> None:
    """Received on Monday 2 March 2026 by letter; Good Friday is 3 April and Easter Monday 6 April."""
    said = ("sender_is=parent", "topic=other", "channel=letter")
    lived(call, ("2026-03-02", "enquiry_received", f"sorted_as={kind}", *said), *facts)
    found = standings(call, "2026-10-01")
    assert {rule: found[rule] for rule in due} == {rule: ("met", day) for rule, day in due.items()}


def test_what_is_no_part_of_a_matter_is_refused_with_what_to_record(call: Call) -> None:
    said = ("sender_is=parent", "topic=other", "channel=telephone")
    lived(call, ("2026-03-02", "enquiry_received", "sorted_as=foi_request", *said))
    for fact, words in (
        (("holding_reply_sent", "received_on=2026-03-02"), "of a subject access request subject_access_extended"),
        (("complaint_settled",), "it is about an NHS complaint (SI 2009/309), and this is none"),
        (("service_answered", *SERVICE), "A service answers what it was asked, and none was asked"),
    ):
        refused = record(call, "2026-03-03", *fact)
        assert refused.exit_code == 1 and words in " ".join(refused.stderr.split()), refused.stderr
