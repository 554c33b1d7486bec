"""Notices worked out from facts alone: no database, no clock. Which recipient gets what, with which key and fields."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from config.directory import load_directory
from config.escalation_policy import load_escalation_policy
from deadlines.duties import duties_of
from models.enums import NoticeState
from models.facts import StoredFact
from notifications.letter_fields import CaseView
from notifications.notices import NoticeDraft, StillNeeded, current_fields, late_corrections, notices_for, still_needed
from notifications.outbox import notice_row
from statemachines.replay import replay
from tests.support.by_hand import ADVICE, CASE, almanac, book, dates_of, day, history, line

LADDER, DIRECTORY = load_escalation_policy(), load_directory()
OPENING = ("ehc_assessment_requested", "2 Feb 2026", {"la": "northshire", "la_reference": "NS-04412"})
ASKED = ("health_advice_requested", "2 Mar 2026", {"body": "QX101", "service": "speech_and_language_therapy"})
ABOUT = {
    "rule": ADVICE,
    "opened_seq": 2,
    "due": "2026-04-13",
    "body": "QX101",
    "service": "speech_and_language_therapy",
}


def view(lines: Sequence[StoredFact]) -> CaseView:
    casefile = replay(CASE, list(lines))
    duties = duties_of(casefile.lines, book(), dates_of(), casefile.claims.values())
    return CaseView(LADDER, DIRECTORY, almanac(), casefile, duties)


def made(
    lines: Sequence[StoredFact], new: int = 1, as_at: str = "14 Apr 2026", local_sink: bool = True
) -> list[NoticeDraft]:
    """What the last `new` facts of a history call for."""
    return notices_for(lines[-new:], view(lines), day(as_at), local_sink=local_sink)


def rung(
    name: str, kind: str = "reminder_due", on: str = "23 Mar 2026", **other: Any
) -> tuple[str, str, dict[str, Any]]:
    return (kind, on, {**ABOUT, "rung": name, **other})


def sent_fact(name: str, recipient: str, rung_seq: int, on: str = "14 Apr 2026") -> tuple[str, str, dict[str, Any]]:
    return (
        "notice_sent",
        on,
        {**ABOUT, "rung": name, "recipient": recipient, "letter": "20260414-aa", "rung_seq": rung_seq},
    )


def short(drafts: Sequence[NoticeDraft]) -> list[tuple[str, str, str]]:
    return [(draft.rung, str(draft.recipient), str(draft.state)) for draft in drafts]


def test_a_request_calls_for_a_notice_to_the_service_with_a_complete_key() -> None:
    (draft,) = made(history(OPENING, ASKED))
    assert draft.key == f"{CASE}/{ADVICE}/QX101/2/2026-04-13/request_received/service"
    assert (draft.mailbox, draft.on, draft.rank, draft.state) == (
        "slt.advice@northshire-community.example",
        date(2026, 3, 2),
        0,
        NoticeState.CREATED,
    )
    assert draft.fields["due"] == "2026-04-13"
    assert draft.fields["strict_due"] == "2026-04-12"
    assert draft.fields["act_by"] == "2026-04-10"
    assert draft.fields["la_ref"] == "NS-04412"
    assert draft.fields["beside"]["ehc_final_plan_send"]["due"] == "2026-06-22"
    assert "created" in notice_row(draft, "2026-03-02T09:00:00.000000Z", str)


def test_imported_requests_and_answers_call_for_no_letter() -> None:
    lines = [
        each._replace(via="import")
        for each in history(OPENING, ASKED, ("health_advice_received", "10 Apr 2026", {"body": "QX101"}))
    ]
    assert made(lines, new=3) == []


def test_advice_is_thanked_for_and_an_answer_without_advice_is_not() -> None:
    received = history(
        OPENING, ASKED, ("health_advice_received", "10 Apr 2026", {"body": "QX101", "service": ABOUT["service"]})
    )
    assert short(made(received)) == [("thanks", "service", "created")]
    answered = history(
        OPENING, ASKED, ("health_advice_answered", "10 Apr 2026", {"body": "QX101", "answer": "not_known"})
    )
    assert made(answered) == []


def test_advice_that_was_returned_and_came_again_is_thanked_for_again() -> None:
    body = {"body": "QX101", "service": ABOUT["service"]}
    lines = history(
        OPENING,
        ASKED,
        ("health_advice_received", "10 Apr 2026", body),
        ("health_advice_returned", "15 Apr 2026", {**body, "reason": "w.d"}),
        ("health_advice_received", "20 Apr 2026", body),
    )
    first, second = made(lines[:3]), made(lines)
    assert [draft.key.rsplit("/", 1)[1] for draft in (*first, *second)] == ["service", "2"]


def test_each_rung_goes_to_those_whom_the_ladder_names() -> None:
    assert short(made(history(OPENING, ASKED, rung("breach", "breached", "14 Apr 2026")))) == [
        ("breach", "service_manager", "created")
    ]
    both = made(history(OPENING, ASKED, rung("escalation_provider", "escalation_due", "21 Apr 2026")))
    assert [str(draft.recipient) for draft in both] == ["provider_send_lead", "dco"]


def test_of_several_steps_in_one_act_a_mailbox_gets_the_highest() -> None:
    lines = history(
        OPENING,
        ASKED,
        rung("acknowledgement_missing", on="5 Mar 2026"),
        rung("reminder_3_weeks"),
        rung("reminder_5_weeks", on="6 Apr 2026"),
        rung("breach", "breached", "14 Apr 2026"),
    )
    assert short(made(lines, new=4)) == [
        ("acknowledgement_missing", "service", "superseded"),
        ("reminder_3_weeks", "service", "superseded"),
        ("reminder_5_weeks", "service", "created"),
        ("breach", "service_manager", "created"),
    ]


def test_a_rung_of_a_closed_duty_or_one_that_the_ladder_has_dropped_calls_for_nothing() -> None:
    closed = history(
        OPENING,
        ASKED,
        ("health_advice_received", "27 Apr 2026", {"body": "QX101"}),
        rung("breach", "breached", "14 Apr 2026"),
    )
    assert made(closed) == []
    assert made(history(OPENING, ASKED, rung("a_rung_of_old"))) == []


def test_a_rung_that_falls_again_by_the_same_date_has_a_key_of_its_own() -> None:
    withdrawn = ("rung_withdrawn", "24 Mar 2026", {**ABOUT, "rung": "reminder_3_weeks", "rung_seq": 3})
    (draft,) = made(
        history(OPENING, ASKED, rung("reminder_3_weeks"), withdrawn, rung("reminder_3_weeks", on="25 Mar 2026"))
    )
    assert draft.key.endswith("/reminder_3_weeks/service/2")


def test_every_recipient_gets_one_correction_of_the_highest_withdrawn_step() -> None:
    lines = history(
        OPENING,
        ASKED,
        rung("reminder_3_weeks"),
        sent_fact("reminder_3_weeks", "service", 3, "23 Mar 2026"),
        rung("reminder_5_weeks", on="6 Apr 2026"),
        sent_fact("reminder_5_weeks", "service", 5, "7 Apr 2026"),
        rung("breach", "breached", "14 Apr 2026"),
        (
            "rung_withdrawn",
            "15 Apr 2026",
            {**ABOUT, "rung": "reminder_3_weeks", "rung_seq": 3, "due_now": "2026-04-20"},
        ),
        (
            "rung_withdrawn",
            "15 Apr 2026",
            {**ABOUT, "rung": "reminder_5_weeks", "rung_seq": 5, "due_now": "2026-04-20"},
        ),
        ("rung_withdrawn", "15 Apr 2026", {**ABOUT, "rung": "breach", "rung_seq": 7, "due_now": "2026-04-20"}),
    )
    drafts = made(lines, new=3)
    assert short(drafts) == [("rung_withdrawn", "service", "superseded"), ("rung_withdrawn", "service", "created")]
    assert drafts[1].key.endswith("/rung_withdrawn/service/5")
    assert (drafts[1].fields["due_was"], drafts[1].fields["due_now"], drafts[1].fields["told_on"]) == (
        "2026-04-13",
        "2026-04-20",
        "2026-04-07",
    )


def test_a_letter_sent_during_the_withdrawal_calls_for_a_correction() -> None:
    lines = history(
        OPENING,
        ASKED,
        rung("breach", "breached", "14 Apr 2026"),
        ("rung_withdrawn", "14 Apr 2026", {**ABOUT, "rung": "breach", "rung_seq": 3}),
    )
    assert made(lines) == []
    sent = {**ABOUT, "rung": "breach", "recipient": "service_manager", "rung_seq": 3}
    assert short(late_corrections(view(lines), sent)) == [("rung_withdrawn", "service_manager", "created")]
    assert late_corrections(view(lines), {**sent, "rung_seq": 99}) == []


def test_a_withdrawal_names_the_body_that_was_written_to_where_the_request_was_another_bodys() -> None:
    elsewhere = ("health_advice_requested", "2 Mar 2026", {"body": "QX103", "service": "speech_and_language_therapy"})
    lines = history(
        OPENING,
        elsewhere,
        rung("breach", "breached", "14 Apr 2026"),
        sent_fact("breach", "service_manager", 3),
        ("rung_withdrawn", "15 Apr 2026", {**ABOUT, "rung": "breach", "rung_seq": 3, "due_now": "2026-04-13"}),
    )
    (draft,) = made(lines)
    assert draft.mailbox == "therapies.manager@northshire-community.example"
    assert (draft.fields["body"], draft.fields["elsewhere"]) == ("Northshire Community Health NHS Trust", True)


def test_the_first_import_holds_its_letters_back_where_people_would_get_them() -> None:
    lines = [each._replace(via="import") for each in history(OPENING, ASKED, ("chasing_began", "30 Mar 2026"))]
    assert short(made(lines, as_at="30 Mar 2026")) == [("reminder_3_weeks", "service", "created")]
    (draft,) = made(lines, as_at="30 Mar 2026", local_sink=False)
    assert (draft.state, draft.template, draft.fields["letter"]) == (NoticeState.HELD, "digest", "reminder")


def _judged(lines: Sequence[StoredFact], draft: NoticeDraft, as_at: str = "14 Apr 2026") -> StillNeeded:
    return still_needed(view(lines), draft, day(as_at))


def test_a_notice_is_called_for_until_the_facts_say_otherwise() -> None:
    lines = history(OPENING, ASKED, rung("breach", "breached", "14 Apr 2026"))
    (draft,) = made(lines)
    assert _judged(lines, draft) is StillNeeded.YES
    for kind, data in (
        ("health_advice_received", {"body": "QX101"}),
        ("case_closed", {}),
        ("rung_withdrawn", {**ABOUT, "rung": "breach", "rung_seq": 3}),
    ):
        assert _judged([*lines, line(4, kind, "14 Apr 2026", **data)], draft) is StillNeeded.NO, kind
    assert (
        _judged([*lines, line(4, "fact_corrected", "14 Apr 2026", 2, occurred_on="2026-03-09")], draft)
        is StillNeeded.NO
    )
    assert _judged([*lines, line(4, "fact_withdrawn", "14 Apr 2026", 2)], draft) is StillNeeded.NO
    paused = [*lines, line(4, "chasing_paused", "14 Apr 2026", until="2026-04-20", reason="w.d")]
    assert _judged(paused, draft) is StillNeeded.PAUSED
    assert _judged(paused, draft, "21 Apr 2026") is StillNeeded.YES
    assert (
        _judged(
            [*paused[:-1], line(4, "chasing_paused", "14 Apr 2026", until="2026-04-20", body="QX102", reason="w.d")],
            draft,
        )
        is StillNeeded.YES
    )


def test_what_is_said_at_the_claim_is_what_is_known_then() -> None:
    lines = history(OPENING, ASKED, rung("breach", "breached", "14 Apr 2026"))
    (draft,) = made(lines)
    later = [*lines, line(4, "waiting_list_stated", "14 Apr 2026", body="QX101")]
    assert draft.fields["acknowledged_on"] is None
    assert current_fields(view(later), draft)["acknowledged_on"] == "2026-04-14"
    assert current_fields(view(later), draft)["history"][-1] == {
        "on": "2026-04-14",
        "what": "waiting_list_stated",
        "to": None,
    }


def test_no_address_is_a_notice_without_a_mailbox() -> None:
    unnamed = (ASKED[0], ASKED[1], {"body": "QX999"})
    (draft,) = made(history(OPENING, unnamed))
    assert draft.mailbox is None
    assert draft.state is NoticeState.CREATED
