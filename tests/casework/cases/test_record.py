"""Recording: accepted whole or refused with a sentence, and what is refused changes nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from casework.cases.record import RecordCommand, record_acts
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from models.database import reading, writing
from models.facts import FactDraft
from tests.support.by_hand import ADVICE, CASE, PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST, day
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}


def refused(team: Team, today: str, *facts: tuple[str, str, Mapping[str, Any]]) -> Refused:
    """The refusal of an act; every row of every table is as it was before."""
    before = team.dump()
    with pytest.raises(Refused) as problem:
        team.act(today, *facts)
    assert team.dump() == before
    return problem.value


def test_a_fact_says_who_when_how_and_under_which_law(team: Team) -> None:
    team.opened("2 Feb 2026")
    [first, second] = team.lines()
    assert (first.seq, first.kind, first.actor, first.via) == (1, "ehc_assessment_requested", "dco.team", "record")
    assert first.recorded_at == "2026-02-02T09:00:00.000000Z"
    assert dict(first.data) == {"la": "northshire", "la_reference": "NS-04412"}
    assert second.seq == 2
    with reading(team.first.engine) as connection:
        [text] = connection.exec_driver_sql("SELECT text FROM fact WHERE seq = 1").scalars()
    assert '"rehearsed":true' in text
    assert f'"law":"{team.first.law_version}"' in text
    assert '"machine":4' in text
    assert '"process":"ehc_needs_assessment"' in text


def test_in_summer_an_instant_is_an_hour_earlier_in_utc(team: Team) -> None:
    team.opened("1 Jun 2026")
    assert team.lines()[0].recorded_at == "2026-06-01T08:00:00.000000Z"


def test_a_fact_that_is_not_permitted_is_refused_with_the_permitted_kinds(team: Team) -> None:
    team.opened("2 Feb 2026")
    problem = refused(team, "3 Feb 2026", ("ehc_assessment_requested", "3 Feb 2026", {"la": "northshire"}))
    assert problem.code == "unlawful"
    assert not problem.wrong_call
    assert problem.message.startswith("fact 3, ehc_assessment_requested of 2026-02-03, is refused: the case is open")
    assert "draft_plan_received" in problem.message


def test_one_fact_that_is_not_permitted_refuses_the_whole_act(team: Team) -> None:
    team.opened("2 Feb 2026")
    problem = refused(
        team,
        "3 Feb 2026",
        ("health_advice_requested", "3 Feb 2026", ASKED),
        ("refusal_reversed", "3 Feb 2026", {"note": "x"}),
    )
    assert problem.seq == 4


def test_the_first_fact_opens_a_case_and_no_other_does(team: Team) -> None:
    problem = refused(team, "2 Feb 2026", ("assessment_agreed", "2 Feb 2026", {}))
    assert problem.code == "not_open"
    assert "ehc_assessment_requested" in problem.message


def test_a_fact_that_belongs_between_others_is_accepted_on_its_own_day(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("27 Apr 2026", "final_plan_received", on="20 Apr 2026")
    assert team.record("28 Apr 2026", "draft_plan_received", on="1 Apr 2026").state == "planned"
    problem = refused(team, "28 Apr 2026", ("refusal_reversed", "21 Apr 2026", {}))
    assert "fact 6, refusal_reversed of 2026-04-21" in problem.message


def test_a_late_learned_fact_that_makes_a_later_one_unlawful_names_that_one(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    problem = refused(team, "9 Mar 2026", ("case_withdrawn", "20 Feb 2026", {}))
    assert problem.seq == 3
    assert "fact 3, health_advice_requested of 2026-03-02" in problem.message


@pytest.mark.parametrize(
    ("kind", "data", "code", "said"),
    [
        ("advice_received", {}, "unknown_fact", "health_advice_received"),
        ("breached", {"rule": ADVICE}, "unknown_fact", "sendflow record CASE"),  # only the engine writes it
        ("health_advice_requested", {}, "missing_data", "--data body=QX101"),
        ("health_advice_requested", {"body": "QX999"}, "unknown_body", "expected one of QX101"),
        ("health_advice_requested", {"body": "Amelia Oakes"}, "unknown_body", "QX101"),
        (
            "health_advice_requested",
            {"body": TRUST, "service": "Amelia Oakes"},
            "unknown_service",
            "speech_and_language_therapy",
        ),
        (
            "health_advice_requested",
            {"body": TRUST, "service": SALT, "mood": "Amelia Oakes"},
            "unknown_data",
            "it takes: body",
        ),
        ("health_advice_answered", {"body": TRUST, "service": SALT, "answer": "Amelia Oakes"}, "bad_data", "not_known"),
        ("health_advice_returned", {"body": TRUST, "service": SALT}, "missing_data", "reason"),
        ("waiting_list_stated", {"body": TRUST, "service": SALT, "weeks": "Amelia Oakes"}, "bad_data", "weeks"),
        ("chasing_paused", {"until": "31/04/2026", "reason": "x"}, "bad_data", "--data until=2026-05-18"),
        ("excuse_decided", {"claim": "Amelia Oakes", "decision": "accepted"}, "bad_data", "--data claim=7"),
    ],
)
def test_particulars_that_are_wrong_are_a_wrong_call_that_repeats_nothing(
    team: Team, kind: str, data: dict[str, Any], code: str, said: str
) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    problem = refused(team, "9 Mar 2026", (kind, "9 Mar 2026", data))
    assert (problem.code, problem.wrong_call) == (code, True)
    assert said in problem.message
    assert "Amelia" not in problem.message
    assert "QX999" not in problem.message


def test_tomorrow_has_not_happened(team: Team) -> None:
    team.opened("2 Feb 2026")
    problem = refused(team, "3 Feb 2026", ("assessment_refused", "4 Feb 2026", {}))
    assert (problem.code, problem.wrong_call) == ("future_date", True)
    assert "2026-02-03" in problem.message


def test_the_body_follows_from_the_service_and_the_service_from_what_was_asked(team: Team) -> None:
    team.opened("2 Feb 2026")
    team.record("2 Mar 2026", "health_advice_requested", service="SaLT")
    team.record("4 Mar 2026", "health_advice_acknowledged", body=TRUST)
    team.record("5 Mar 2026", "health_advice_received", service="speech & language therapy")
    assert [dict(line.data) for line in team.lines()[2:]] == [ASKED] * 3


def test_a_body_with_several_requests_needs_the_service(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026").asked("2 Mar 2026", service=PAEDS)
    problem = refused(team, "9 Mar 2026", ("health_advice_received", "9 Mar 2026", {"body": TRUST}))
    assert (problem.code, problem.field) == ("which_service", "service")
    assert "community_paediatrics, speech_and_language_therapy" in problem.message


def test_several_services_of_one_body_are_several_duties(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026").asked("3 Mar 2026", service=PAEDS)
    team.record("9 Mar 2026", "health_advice_received", service=PAEDS)
    assert team.duty("9 Mar 2026", service=PAEDS).standing == "met"
    assert team.duty("9 Mar 2026", service=SALT).standing == "running"


def test_the_same_fact_twice_is_refused(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    problem = refused(team, "3 Mar 2026", ("health_advice_requested", "2 Mar 2026", ASKED))
    assert problem.code == "recorded_already"
    assert "fact 3" in problem.message
    team.record("4 Mar 2026", "fact_withdrawn", corrects=3)
    assert team.record("4 Mar 2026", "health_advice_requested", on="2 Mar 2026", **ASKED).seq == 5


def test_after_a_correction_the_same_day_is_recorded_already_and_an_earlier_one_is_a_correction(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("10 Mar 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")
    problem = refused(team, "10 Mar 2026", ("health_advice_requested", "9 Mar 2026", ASKED))
    assert problem.code == "recorded_already"
    earlier = refused(team, "10 Mar 2026", ("health_advice_requested", "2 Mar 2026", ASKED))
    assert earlier.code == "earlier_receipt"


def test_free_text_goes_to_passages_and_the_fact_holds_its_id(team: Team) -> None:
    words = "Mum rang: Amelia was in hospital"
    team.opened("2 Feb 2026").asked("2 Mar 2026", note=words)
    [passage] = [row for row in team.dump() if row[0] == "passage"]
    token = team.lines()[-1].data["note"]
    assert token.startswith(str(passage[1]))
    assert words not in str(team.dump())
    assert words.encode() not in b"".join(path.read_bytes() for path in team.home.rglob("*") if path.is_file())


def test_who_the_case_is_about_never_stands_in_a_fact(team: Team) -> None:
    team.act(
        "2 Feb 2026",
        (
            "ehc_assessment_requested",
            "2 Feb 2026",
            {"la": "Northshire", "nhs_number": "999 000 0018", "date_of_birth": "2018-07-21"},
        ),
    )
    assert dict(team.lines()[0].data) == {"la": "northshire"}
    assert "9990000018" not in str(team.dump())
    assert "2018-07-21" not in str(team.dump())
    problem = refused(team, "2 Feb 2026", ("ehc_assessment_requested", "2 Feb 2026", {"nhs_number": "9990000019"}))
    assert "9990000019" not in problem.message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("NX90002", "NX90002"),
        (" nx-90003 ", "NX-90003"),
        ("EHC-2026-000123", None),
        ("Amelia Oakes", None),
        ("new", None),
    ],
)
def test_the_teams_own_reference_is_used_if_it_has_the_form_of_one(team: Team, given: str, kept: str | None) -> None:
    recorded = team.record("2 Feb 2026", "ehc_assessment_requested", case=given, la="northshire")
    assert recorded.case_ref == (kept or "SF-000001")
    assert "Amelia" not in str(team.dump())


def test_minted_references_follow_one_another(team: Team) -> None:
    refs = [
        team.record("2 Feb 2026", "ehc_assessment_requested", case="new", la="northshire").case_ref for _ in range(3)
    ]
    assert refs == ["SF-000001", "SF-000002", "SF-000003"]


def test_every_body_has_its_own_clock(team: Team) -> None:
    team.opened("2 Feb 2026", la="tarnford").asked("2 Mar 2026", service=SALT).asked("5 Mar 2026", service=PHYSIO)
    report = team.report("5 Mar 2026")
    assert [(duty.body, str(duty.due)) for duty in report.duties if duty.rule == ADVICE] == [
        (TRUST, "2026-04-13"),
        (PHYSIO_TRUST, "2026-04-16"),
    ]
    assert report.case_ref == CASE


def test_an_instant_never_goes_back_in_a_case_though_a_clock_may(team: Team) -> None:
    team.opened("2 Feb 2026").asked("3 Mar 2026")
    team.record("2 Mar 2026", "health_advice_acknowledged", **ASKED)
    assert [line.recorded_at[:10] for line in team.lines()] == ["2026-02-02", "2026-02-02", "2026-03-03", "2026-03-03"]


def test_in_bulk_a_refused_act_leaves_its_case_as_it_was_for_the_next(team: Team) -> None:
    def act(case: str, kind: str, on: str, **data: Any) -> RecordCommand:
        return RecordCommand(case, [FactDraft(kind, day(on), data)])

    outcomes = record_acts(
        team.context("9 Mar 2026"),
        [
            act("NX90001", "ehc_assessment_requested", "2 Feb 2026", la="northshire"),
            act("NX90001", "refusal_reversed", "3 Feb 2026"),
            act("NX90002", "assessment_agreed", "3 Feb 2026"),
            act("NX90001", "excuse_claimed", "4 Feb 2026", ground="waiting_list"),
            act("NX90001", "assessment_agreed", "5 Feb 2026"),
        ],
        "importer",
        "import",
    )
    assert [getattr(each, "state", getattr(each, "code", None)) for each in outcomes] == [
        "requested",
        "unlawful",
        "not_open",
        "ground_not_listed",
        "assessing",
    ]
    assert [(line.seq, line.kind) for line in team.lines()] == [
        (1, "ehc_assessment_requested"),
        (2, "assessment_agreed"),
    ]
    assert team.lines("NX90002") == []
    assert team.verify("9 Mar 2026").intact


def test_a_refused_bulk_of_one_leaves_the_unit_of_work_unchanged(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("9 Mar 2026")
    with writing(context.engine) as connection:
        unit = UnitOfWork(context, connection, actor="dco.team", via="record")
        work = unit.load([CASE])[CASE]
        before = (work.file, list(work.duties), work.process, list(work.facts))
        for drafts in (
            [FactDraft("refusal_reversed", day("3 Mar 2026"))],
            [FactDraft("excuse_claimed", day("4 Mar 2026"), {"ground": "waiting_list"})],
        ):
            with pytest.raises(Refused):
                unit.append(work, drafts)
            assert (work.file, list(work.duties), work.process, list(work.facts)) == before
