"""Which answers a body can give about each duty of each process, which facts they record, and how one is undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.loaded_case import replay_case
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.replies.answers import Possible, Reply, actor_of, other_services, possible_answers
from casework.replies.record import VIA_LINK, Asked, NotOwed, record_reply, undo_reply
from deadlines.duties import Duty
from deadlines.replies import says_sent
from models import ledger
from models.answers import Answer
from models.casefile import CaseFile
from models.database import reading, transact
from models.facts import ACTOR
from runtime.demo.cases import load_demo_cases
from tests.support.by_hand import ADVICE, CASE, PAEDS, SALT, TRUST
from tests.support.team import Team

TODAY = date(2026, 11, 30)
OF_A_REQUEST = {Answer.RECEIVED, Answer.SENT, Answer.EXPECTED, Answer.WRONG_MAILBOX}
OF_A_SERVICE = {*OF_A_REQUEST, Answer.NOT_KNOWN, Answer.DISCHARGED, Answer.OTHER_SERVICE}
BY_THE_LAW = {*OF_A_SERVICE, Answer.MISSED_APPOINTMENT, Answer.EXCEPTIONAL}
# By hand: what the answers "received" and "sent" record for each duty that the sample has open. None: a claim.
RECORDED: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("annual_review", "review_advice_from_professional"): ("review_invitation_acknowledged", "review_advice_received"),
    ("continuing_care", "cypcc_decision_6w"): (None, None),
    ("continuing_care", "cypcc_first_review"): (None, None),
    ("continuing_care", "cypcc_transition_14"): (None, "adult_commissioner_told"),
    ("continuing_care", "cypcc_transition_16"): (None, "adult_chc_referred"),
    ("ehc_needs_assessment", ADVICE): ("health_advice_acknowledged", None),
    ("mediation", "mediation_agreement_no_appeal_right"): (None, "agreed_action_done"),
    ("mediation", "rcb_arrange_mediation"): (None, None),
    ("reassessment", ADVICE): ("health_advice_acknowledged", None),
    ("section23", "s23_inform_parent"): (None, None),
    ("section23", "s23_offer_discussion"): (None, None),
    ("transfer", "new_rcb_request_review"): (None, None),
    ("transfer", "rcb_move_notify_new_rcb"): (None, "new_rcb_notified_of_move"),
    ("transfer", "rcb_move_request_review"): (None, None),
    ("tribunal", "appeal_evidence"): ("health_evidence_acknowledged", "health_evidence_given"),
    ("tribunal", "ftt_health_recommendation_respond"): (None, None),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> AppContext:
    context = Team(tmp_path_factory.mktemp("replies")).context(TODAY)
    assert load_demo_cases(context) == []
    return context


def read(context: AppContext, case_ref: str) -> tuple[CaseFile, list[Duty]]:
    with reading(context.engine) as connection:
        return replay_case(context, case_ref, ledger.read(connection, [case_ref])[case_ref][0])


def open_duties(context: AppContext) -> Iterator[tuple[CaseFile, Duty]]:
    """One open duty of a body for each rule of each process."""
    with reading(context.engine) as connection:
        refs = [row[0] for row in connection.exec_driver_sql("SELECT case_ref FROM case_file ORDER BY 1")]
    seen: set[tuple[str, str]] = set()
    for ref in refs:
        file, duties = read(context, ref)
        for duty in duties:
            if duty.closed_on is None and duty.body is not None and (file.process, duty.rule) not in seen:
                seen.add((file.process, duty.rule))
                yield file, duty


def asked_of(file: CaseFile, duty: Duty) -> Asked:
    assert duty.body is not None
    return Asked(file.case_ref, duty.rule, duty.opened_seq, duty.body, duty.service, "service")


def complete(context: AppContext, duty: Duty, possible: Possible) -> Reply:
    """A reply with everything that its answer asks."""
    to_body, to_service = other_services(context, duty)[0]
    more: dict[str, dict[str, Any]] = {
        "nothing": {},
        "past_day": {"on": max(duty.opened_on, TODAY - timedelta(days=1))},
        "coming_day": {"on": TODAY + timedelta(days=5)},
        "service": {"to_body": to_body, "to_service": to_service},
        "ground": {"ground": next(iter(duty.dates.excuses), None)},
    }
    return Reply(possible.answer, recipient="service", **more[possible.asks])


def test_each_process_says_itself_what_its_answers_record(sample: AppContext) -> None:
    found = {}
    for file, duty in open_duties(sample):
        facts = {each.answer: each.fact for each in possible_answers(sample, sample.processes[file.process], duty)}
        own = [facts[answer] for answer in (Answer.RECEIVED, Answer.SENT)]
        found[(file.process, duty.rule)] = tuple(None if fact == "body_replied" else fact for fact in own)
        lawful = BY_THE_LAW if "missed_appointment" in duty.dates.excuses else OF_A_SERVICE
        expected = lawful if duty.service is not None else OF_A_REQUEST
        expected = expected | ({Answer.EXCEPTIONAL} if duty.dates.excuses else set())
        assert set(facts) == expected, (file.process, duty.rule)
    assert RECORDED.items() <= found.items()
    for (process, rule), recorded in found.items():  # a process that came later names facts of its own
        assert all(sample.processes[process].model_of(fact) for fact in recorded if fact is not None), (process, rule)


def test_every_answer_of_every_process_is_recorded_and_undone(sample: AppContext) -> None:
    tried = 0
    for file, duty in list(open_duties(sample)):
        for possible in possible_answers(sample, sample.processes[file.process], duty):
            what = (file.process, duty.rule, possible.answer)
            asked = asked_of(file, duty)
            before = read(sample, file.case_ref)
            seqs = record_reply(sample, asked, complete(sample, duty, possible), VIA_LINK)
            now, duties = read(sample, file.case_ref)
            new = [fact for fact in now.lines if fact.seq in seqs]
            assert new[0].kind == possible.fact, what
            assert {(fact.actor, fact.via) for fact in new} == {(asked.actor, VIA_LINK)}, what
            about = next(each for each in duties if (each.rule, each.opened_seq) == (duty.rule, duty.opened_seq))
            assert (about.closed_on is not None) == possible.meets, what
            undo(sample, asked, seqs)
            after = read(sample, file.case_ref)
            assert [standing(each) for each in after[1]] == [standing(each) for each in before[1]], what
            assert (after[0].state, after[0].contacts) == (before[0].state, before[0].contacts), what
            tried += 1
    assert tried > 70


def standing(duty: Duty) -> tuple[Any, ...]:
    return duty.rule, duty.opened_seq, duty.due, duty.closed_on, duty.excuse


def undo(context: AppContext, asked: Asked, seqs: list[int]) -> None:
    def once(connection: Any) -> None:
        unit = UnitOfWork(context, connection, actor=asked.actor, via=VIA_LINK)
        undo_reply(unit, asked.case_ref, seqs)
        commit(unit)

    transact(context.engine, once)


def of(team: Team, today: str, answer: Answer, **more: Any) -> list[int]:
    seq = next(line.seq for line in team.lines() if line.kind == "health_advice_requested")
    reply = Reply(answer, recipient="service", **more)
    return record_reply(team.context(today), Asked(CASE, ADVICE, seq, TRUST, SALT, "service"), reply, VIA_LINK)


def test_sent_is_a_claim_where_the_ladder_says_so_and_steps_wait(team: Team) -> None:
    team.opened().asked()
    of(team, "20 Mar 2026", Answer.SENT, on=date(2026, 3, 18))
    file, duties = read(team.first, CASE)
    duty = next(each for each in duties if each.rule == ADVICE)
    assert (duty.closed_on, says_sent(file.lines, duty)) == (None, date(2026, 3, 18))
    assert team.lines()[-1].data["paused_until"] == "2026-03-27"
    team.sweep("27 Mar 2026")
    assert team.escalations() == []
    team.sweep("28 Mar 2026")
    assert team.escalations() == [("reminder_due", "reminder_3_weeks", "2026-03-23")]
    team.record("30 Mar 2026", "health_advice_received", "19 Mar 2026", service=SALT)
    file, duties = read(team.first, CASE)
    duty = next(each for each in duties if each.rule == ADVICE)
    assert (duty.met_on, says_sent(file.lines, duty)) == (date(2026, 3, 19), None)


def test_sent_is_the_answer_where_the_ladder_does_not_ask_for_confirmation(team: Team) -> None:
    own = (Path(__file__).parents[3] / "config" / "ladder" / "ehc_needs_assessment.toml").read_text("utf-8")
    (team.home / "ladder.toml").write_text(own.replace("confirm = true", "confirm = false"), "utf-8")
    locality = Team(team.home)
    locality.opened().asked()
    of(locality, "20 Mar 2026", Answer.SENT, on=date(2026, 3, 18))
    assert locality.lines()[-1].kind == "health_advice_received"
    assert locality.duty("20 Mar 2026").met_on == date(2026, 3, 18)


def test_a_pause_after_a_claim_is_about_that_duty_only(team: Team) -> None:
    team.opened().asked().asked(service=PAEDS)
    of(team, "20 Mar 2026", Answer.SENT, on=date(2026, 3, 18))
    team.sweep("24 Mar 2026")
    assert [line.data["service"] for line in team.lines() if line.kind == "reminder_due"] == [PAEDS, PAEDS]


def test_a_missed_appointment_is_a_fact_and_a_claim_and_a_person_decides(team: Team) -> None:
    team.opened().asked()
    seqs = of(team, "20 Mar 2026", Answer.MISSED_APPOINTMENT, on=date(2026, 3, 18))
    new = [
        (line.kind, line.occurred_on.isoformat(), line.data.get("ground")) for line in team.lines() if line.seq in seqs
    ]
    assert new == [("appointment_missed", "2026-03-18", None), ("excuse_claimed", "2026-03-20", "missed_appointment")]
    assert len(read(team.first, CASE)[0].undecided()) == 1


def test_a_wrong_mailbox_is_no_contact_and_everything_else_is(team: Team) -> None:
    team.opened().asked()
    of(team, "4 Mar 2026", Answer.WRONG_MAILBOX)
    assert read(team.first, CASE)[0].contacts == {}
    of(team, "4 Mar 2026", Answer.EXPECTED, on=date(2026, 4, 1))
    assert list(read(team.first, CASE)[0].contacts) == [(TRUST, SALT)]


@pytest.mark.parametrize(
    ("answer", "more", "code", "field"),
    [
        (Answer.SENT, {}, "bad_day", "on"),
        (Answer.SENT, {"on": date(2026, 3, 21)}, "bad_day", "on"),
        (Answer.SENT, {"on": date(2026, 3, 1)}, "bad_day", "on"),
        (Answer.EXPECTED, {"on": date(2026, 3, 19)}, "bad_day", "on"),
        (Answer.MISSED_APPOINTMENT, {"on": date(2026, 3, 21)}, "bad_day", "on"),
        (Answer.OTHER_SERVICE, {"to_body": TRUST, "to_service": SALT}, "bad_service", "to"),
        (Answer.EXCEPTIONAL, {"ground": "school_closed"}, "ground_not_listed", "ground"),
    ],
)
def test_an_answer_that_is_not_complete_is_refused(
    team: Team, answer: Answer, more: dict[str, Any], code: str, field: str
) -> None:
    team.opened().asked()
    before = team.dump()
    with pytest.raises(Refused) as refused:
        of(team, "20 Mar 2026", answer, **more)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert team.dump() == before


def test_nothing_is_recorded_once_it_is_not_owed_any_more(team: Team) -> None:
    team.opened().asked()
    team.record("10 Mar 2026", "health_advice_received", service=SALT)
    with pytest.raises(NotOwed):
        of(team, "20 Mar 2026", Answer.RECEIVED)


def test_the_actor_is_the_mailbox_by_what_it_is_for_and_never_its_address() -> None:
    assert actor_of("QX101", SALT, "service") == "mailbox.qx101.speech_and_language_therapy"
    assert actor_of("QX101", SALT, "service_manager") == "mailbox.qx101.service_manager"
    assert actor_of("QX101", None, "service") == "mailbox.qx101"
    assert actor_of("QX101", "a" * 60, None) == "mailbox.qx101"
    assert actor_of("12345678", SALT, None) == "mailbox"
    assert all(ACTOR.fullmatch(actor_of(code, None, None)) for code in ("QX101", "RX1", "ABCDEFGH"))
