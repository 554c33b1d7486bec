"""Importing: every code, the same file twice, a newer one, differences and corrections, references, claims, and no
chasing of the past.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audit.verify import verify
from casework.context import AppContext
from casework.imports import tracker_import
from casework.imports.batch import RowBatch
from casework.imports.raw_rows import SheetError
from casework.imports.tracker_import import import_file
from casework.privacy.access import read_person
from casework.sweep import sweep
from config.settings import Carrier
from config.tracker_columns import DEFAULT, TrackerError
from models.database import writing
from tests.support.team import Team
from tests.support.trackers import FILES, SOUND, TODAY, case_of, codes, facts, scalar, tracker


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context(TODAY)


def test_a_tracker_becomes_cases_with_their_facts_in_the_order_of_the_process(context: AppContext) -> None:
    result = import_file(context, FILES / "plain.csv")
    assert (result.rows, result.accepted, result.refused, result.unchanged, result.refusals) == (4, 4, 0, 0, [])
    assert facts(context, "TR00001") == [
        ("ehc_assessment_requested", "2026-01-12"),
        ("assessment_agreed", "2026-02-16"),
        ("health_advice_requested", "2026-02-23"),
        ("health_advice_requested", "2026-02-23"),
        ("health_advice_received", "2026-04-01"),
        ("chasing_began", "2026-04-14"),
    ]
    assert facts(context, "TR00004") == [
        ("ehc_assessment_requested", "2025-11-03"),
        ("assessment_refused", "2025-12-01"),
    ]
    assert result.facts_added == sum(len(facts(context, ref)) for ref in ("TR00001", "TR00002", "TR00003", "TR00004"))
    found = case_of(context, "TR00002")
    assert {fact.via for fact in found.facts} == {"import"} and {fact.actor for fact in found.facts} == {"importer"}
    assert [fact.data for fact in found.facts if fact.kind.startswith("health")] == [
        {"body": "QX102", "service": "physiotherapy"}
    ] * 2
    assert verify(context).intact


def test_the_exception_is_an_undated_undecided_claim_and_comments_are_no_fact(context: AppContext) -> None:
    result = import_file(context, FILES / "plain.csv")
    assert [(claim.case_ref, claim.line) for claim in result.claims_to_decide] == [("TR00002", 3)]
    [claim] = [fact for fact in case_of(context, "TR00002").facts if fact.kind == "excuse_claimed"]
    assert (
        claim.occurred_on == date(2026, 4, 14) and set(claim.data) == {"evidence"} and "abroad" not in str(claim.data)
    )
    said = read_person(context, "TR00002", "dco.team", "contact", with_free_text=True)
    assert [one.words for one in said.words or []] == ["two\nlines of comment", "Family abroad, five weeks"]
    assert (said.nhs_number, said.date_of_birth, said.known) == ("9990001235", "2018-07-14", True)
    assert "excused" not in {duty.standing for duty in case_of(context, "TR00002").duties}


def test_a_windows_file_with_other_headers_is_read_as_well(context: AppContext) -> None:
    result = import_file(context, FILES / "windows.csv")
    assert (result.rows, result.accepted, result.remarks[1:]) == (2, 2, ["1 row of totals was not read: line 8"])
    assert case_of(context, "TR-101").facts[0].data == {"la": "northshire", "la_reference": "NS-04412"}
    assert [kind for kind, _ in facts(context, "TR-101")][2:5] == [
        "health_advice_requested",
        "health_advice_requested",
        "health_advice_received",
    ]


def test_every_doubtful_cell_is_refused_under_its_own_word_and_the_others_go_on(context: AppContext) -> None:
    result = import_file(context, FILES / "doubtful.csv")
    assert codes(result) == {
        2: ["impossible_date"],
        3: ["impossible_date"],
        4: ["ambiguous_date"],
        5: ["not_a_date"],
        6: ["missing"],
        7: ["future_date"],
        8: ["check_digit"],
        9: ["unknown_service"],
        10: ["unknown_la"],
        11: ["out_of_order"],
        12: ["duplicate_reference"],
        13: ["bad_value"],
        14: ["missing"],
        15: ["missing"],
        16: ["missing"],
        17: ["missing"],
        18: ["not_asked"],
        19: ["contradiction"],
        21: ["out_of_order"],
        22: ["out_of_order"],
        23: ["out_of_order"],
        24: ["out_of_order"],
        25: ["bad_value"],
        26: ["too_old"],
        27: ["missing"],
        28: ["not_a_date", "bad_value", "missing"],
        29: ["extra_cells"],
    }
    assert (result.rows, result.accepted, result.refused) == (30, 3, 27)
    assert scalar(context, "select count(*) from case_file") == 3 and len(facts(context, "DB028")) == 1
    assert "health_advice_requested" in str(facts(context, "DB027")), "asked after a refusal, and recorded out of order"
    for refusal in result.refusals:
        assert refusal.message.startswith((f"{refusal.field} (column ", f"{refusal.field}: "))
        assert len(refusal.message) > 40
        for secret in ("DB0", "9991234501", "12345", "n/k", "Westland", "Music", "perhaps", "SALT", "said so", "1970"):
            assert secret not in refusal.message


def test_the_first_row_with_a_reference_is_used_even_if_it_is_refused(context: AppContext) -> None:
    result = import_file(context, FILES / "doubtful.csv")
    [again] = [refusal for refusal in result.refusals if refusal.line == 12]
    assert "on line 2" in again.message
    assert scalar(context, "select count(*) from case_file where case_ref = 'DB001'") == 0


def test_the_same_file_twice_changes_nothing(context: AppContext) -> None:
    first = import_file(context, FILES / "plain.csv")
    before = scalar(context, "select group_concat(hash) from fact")
    passages, people = (
        scalar(context, "select count(*) from passage"),
        scalar(context, "select group_concat(hex(sealed)) from person"),
    )
    again = import_file(context, FILES / "plain.csv")
    assert (again.accepted, again.unchanged, again.facts_added, again.refused, again.claims_to_decide) == (
        first.accepted,
        4,
        0,
        0,
        [],
    )
    assert scalar(context, "select group_concat(hash) from fact") == before
    assert (
        scalar(context, "select count(*) from passage") == passages
        and scalar(context, "select group_concat(hex(sealed)) from person") == people
    )
    assert scalar(context, "select count(*) from import_file") == 2


def test_a_newer_export_adds_only_the_new_facts(team: Team, tmp_path: Path) -> None:
    import_file(team.context(TODAY), tracker(tmp_path, SOUND))
    newer = SOUND | {
        "Speech and Language Therapy returned": "20/04/2026",
        "Draft plan received": "21/04/2026",
        "Comments": "rang again",
    }
    later = team.context("22 Apr 2026")
    result = import_file(later, tracker(tmp_path, newer))
    assert (result.accepted, result.facts_added, result.unchanged) == (1, 3, 0)
    assert facts(later, "AB001")[-3:] == [
        ("health_advice_received", "2026-04-20"),
        ("draft_plan_received", "2026-04-21"),
        ("chasing_began", "2026-04-22"),  # of the check of the draft, which nobody is reminded of for days gone by
    ]
    assert import_file(later, tracker(tmp_path, newer)).facts_added == 0


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (
            {"Health request received": "17/02/2026"},
            "Health request received",
            "the record has 16/02/2026, the file has 17/02/2026",
        ),
        (
            {"Request received by LA": "06/01/2026"},
            "Request received by LA",
            "the record has 05/01/2026, the file has 06/01/2026",
        ),
        ({"CAMHS returned": "17/03/2026"}, "CAMHS returned", "the record has 16/03/2026, the file has 17/03/2026"),
        ({"CAMHS returned": ""}, "CAMHS returned", "the record has 16/03/2026, the file has nothing"),
        (
            {"Services asked": "CAMHS"},
            "Services asked",
            "the record has 16/02/2026 for Speech and Language Therapy, the file has nothing",
        ),
        (
            {"LA decision to assess": "10/02/2026"},
            "LA decision to assess",
            "the record has 09/02/2026, the file has 10/02/2026",
        ),
        ({"Local authority": "Tarnford"}, "Local authority", "the record has Northshire, the file has Tarnford"),
        ({"NHS number": "9990001235"}, "NHS number", "neither is shown"),
        ({"DOB": "03/03/2015"}, "DOB", "neither is shown"),
    ],
)
def test_a_cell_that_differs_refuses_its_row_unless_changes_are_accepted(
    context: AppContext, tmp_path: Path, change: dict[str, str], field: str, said: str
) -> None:
    import_file(context, tracker(tmp_path, SOUND))
    before = scalar(context, "select group_concat(hash) from fact")
    changed = tracker(tmp_path, SOUND | change)
    result = import_file(context, changed)
    refusals = {(refusal.field, refusal.code) for refusal in result.refusals}
    assert (field, "differs") in refusals and {code for _, code in refusals} == {"differs"}
    assert any(said in refusal.message for refusal in result.refusals if refusal.field == field)
    assert not any(
        secret in refusal.message
        for refusal in result.refusals
        for secret in ("9991234500", "9990001235", "2015", "AB001")
    )
    assert scalar(context, "select group_concat(hash) from fact") == before
    accepted = import_file(context, changed, accept_changes=True)
    assert (accepted.accepted, accepted.refused) == (1, 0)
    once_more = import_file(context, changed)
    assert (once_more.unchanged, once_more.facts_added, once_more.refused) == (1, 0, 0)
    assert verify(context).intact


@pytest.mark.parametrize(
    "change", [{"NHS number": "9990001235"}, {"DOB": "03/03/2015"}, {"NHS number": "9990001235", "DOB": "03/03/2015"}]
)
def test_a_corrected_identity_is_counted_as_corrections_though_no_fact_shows_it(
    context: AppContext, tmp_path: Path, change: dict[str, str]
) -> None:
    import_file(context, tracker(tmp_path, SOUND))
    dry_run = import_file(context, tracker(tmp_path, SOUND | change), dry_run=True, accept_changes=True)
    result = import_file(context, tracker(tmp_path, SOUND | change), accept_changes=True)
    for done in (dry_run, result):
        assert (done.corrections, done.unchanged, done.facts_added) == (len(change), 0, 0)
        assert not any(value in done.model_dump_json() for value in (*change.values(), "2015-03-03"))
    again = import_file(context, tracker(tmp_path, SOUND | change), accept_changes=True)
    assert (again.corrections, again.unchanged) == (0, 1)


def test_a_plan_without_a_decision_to_assess_is_recorded_and_the_decision_was_late(
    context: AppContext, tmp_path: Path
) -> None:
    """SEND Regs 2014 reg 5(1): an authority that never said whether it assesses is late until the plan, and no row is
    refused for what it left out.
    """
    plan = {key: SOUND[key] for key in ("Ref", "Local authority", "Request received by LA")}
    result = import_file(context, tracker(tmp_path, plan | {"Final plan": "02/03/2026"}))
    assert (result.accepted, result.refused) == (1, 0)
    found = case_of(context, "AB001")
    assert found.state == "planned"
    (decision,) = [duty for duty in found.duties if duty.rule == "ehc_assess_decision_notify"]
    assert (decision.due, decision.standing, decision.met_on) == (date(2026, 2, 16), "breached", None)
    assert decision.ended_on == date(2026, 3, 2)
    assert any("final_plan_received" in note for note in result.remarks)


def test_a_cell_is_refused_once_and_refusals_are_in_the_order_of_the_file(context: AppContext, tmp_path: Path) -> None:
    import_file(context, tracker(tmp_path, SOUND))
    wrong = SOUND | {"Ref": "AB002", "NHS number": "", "Request received by LA": "31/02/2026"}
    result = import_file(context, tracker(tmp_path, SOUND | {"Health request received": "02/03/2026"}, wrong))
    assert [(refusal.line, refusal.field, refusal.code) for refusal in result.refusals] == [
        (2, "Health request received", "differs"),
        (3, "Request received by LA", "impossible_date"),
    ]


def test_corrections_leave_what_was_written_and_move_the_due_date(context: AppContext, tmp_path: Path) -> None:
    import_file(context, tracker(tmp_path, SOUND))
    result = import_file(
        context, tracker(tmp_path, SOUND | {"Health request received": "02/03/2026"}), accept_changes=True
    )
    assert result.corrections == 2 == result.facts_added
    found = case_of(context, "AB001")
    assert [fact.occurred_on.isoformat() for fact in found.facts if fact.kind == "health_advice_requested"] == [
        "2026-02-16"
    ] * 2
    assert {duty.due for duty in found.duties if duty.body} == {date(2026, 4, 13)}


def test_another_authority_takes_the_bodies_with_it(context: AppContext, tmp_path: Path) -> None:
    import_file(context, tracker(tmp_path, SOUND))
    import_file(context, tracker(tmp_path, SOUND | {"Local authority": "Eastmere"}), accept_changes=True)
    duties = {duty.service: duty.body for duty in case_of(context, "AB001").duties if duty.service}
    assert duties == {"camhs": "QX104", "speech_and_language_therapy": "QX103"}


def test_an_import_never_reverses_a_decision(context: AppContext, tmp_path: Path) -> None:
    refused = {
        name: SOUND[name] for name in ("Ref", "Local authority", "Request received by LA", "LA decision to assess")
    } | {"Assess?": "No"}
    import_file(context, tracker(tmp_path, refused))
    for accept in (False, True):
        result = import_file(context, tracker(tmp_path, refused | {"Assess?": "Yes"}), accept_changes=accept)
        assert [(refusal.field, refusal.code) for refusal in result.refusals] == [("Assess?", "differs")]
        assert "the record has No, the file has Yes" in result.refusals[0].message


def test_what_a_person_recorded_and_the_tracker_lacks_is_no_difference(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    import_file(context, tracker(tmp_path, SOUND))
    team.record(TODAY, "health_advice_received", case="AB001", service="speech_and_language_therapy")
    result = import_file(context, tracker(tmp_path, SOUND))
    assert (result.unchanged, result.refused) == (1, 0)
    result = import_file(context, tracker(tmp_path, SOUND | {"Speech and Language Therapy returned": "14/04/2026"}))
    assert (result.unchanged, result.refused) == (1, 0)


def test_a_dry_run_writes_nothing_at_all_and_says_what_would_be(context: AppContext) -> None:
    would = import_file(context, FILES / "plain.csv", dry_run=True)
    for table in ("fact", "case_file", "duty", "notice", "person", "passage", "alias", "import_file"):
        assert scalar(context, f"select count(*) from {table}") == 0
    did = import_file(context, FILES / "plain.csv")
    assert would == did.model_copy(update={"dry_run": True})


def test_a_first_import_does_not_chase_the_past(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    import_file(context, tracker(tmp_path, SOUND))
    assert facts(context, "AB001")[-1] == ("chasing_began", "2026-04-14")
    assert set(scalar(context, "select group_concat(distinct template) from notice").split(",")) == {"digest"}
    assert sweep(context).facts_written == 0
    closed = SOUND | {"Ref": "AB002", "NHS number": "", "Services asked": "CAMHS"}
    import_file(context, tracker(tmp_path, closed))
    assert "chasing_began" not in [kind for kind, _ in facts(context, "AB002")]
    assert scalar(context, "select count(*) from notice where case_ref = 'AB002'") == 0


def test_letters_of_an_import_are_held_where_mail_really_leaves(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    real = replace(context, settings=replace(context.settings, carrier=Carrier.SMTP))
    import_file(real, tracker(tmp_path, SOUND))
    assert scalar(context, "select group_concat(distinct state) from notice") == "held"


def test_a_large_file_goes_in_pieces_and_a_piece_that_fails_leaves_the_ones_before(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_import, "IN_ONE_PIECE", 3)
    monkeypatch.setattr(tracker_import, "BATCH", 2)
    many = tracker(tmp_path, *(SOUND | {"Ref": f"AB{number:03d}", "NHS number": ""} for number in (1, 2, 3, 4, 1, 5)))
    record = RowBatch.record

    def failing(self: Any, plan: Any) -> Any:
        if plan.reference == "AB003":
            raise RuntimeError("the disk is gone")
        return record(self, plan)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(RowBatch, "record", failing)
        import_file(context, many)
    assert scalar(context, "select group_concat(case_ref) from case_file") == "AB001,AB002"
    result = import_file(context, many)
    assert (result.accepted, result.unchanged, codes(result)) == (5, 2, {6: ["duplicate_reference"]})


def test_an_erased_child_is_not_brought_back(context: AppContext, tmp_path: Path) -> None:
    from models import people

    import_file(context, tracker(tmp_path, SOUND | {"Exception": "waiting list"}))
    with writing(context.engine) as connection:
        people.erase(connection, people.child_keys(connection, ["AB001"])["AB001"], "2026-04-14T09:00:00Z")
    result = import_file(context, tracker(tmp_path, SOUND | {"Exception": "waiting list"}))
    assert codes(result) == {2: ["erased"]} and verify(context).intact
    assert not read_person(context, "AB001", "dco.team", "audit").known


def test_a_file_that_is_no_tracker_leaves_no_trace(context: AppContext, tmp_path: Path) -> None:
    with pytest.raises(SheetError):
        import_file(context, tmp_path / "absent.csv")
    bad = tmp_path / "bad.csv"
    bad.write_text('Ref,LA,Request received\nNX001,Northshire,05/03/2026\nNX002,"open,05/03/2026\n')
    with pytest.raises(SheetError):
        import_file(context, bad)
    assert scalar(context, "select count(*) from fact") == 0 == scalar(context, "select count(*) from import_file")


def test_a_team_with_other_column_names_puts_them_into_its_home(context: AppContext, tmp_path: Path) -> None:
    path = tracker(tmp_path, SOUND)
    path.write_text(path.read_text("utf-8").replace("Local authority,", "Borough,", 1), encoding="utf-8")
    with pytest.raises(SheetError):
        import_file(context, path)
    own = DEFAULT.read_text("utf-8").replace('names = ["Local authority", "LA",', 'names = ["Borough", "LA",', 1)
    (context.settings.home / "tracker.toml").write_text(own, encoding="utf-8")
    assert import_file(context, path).accepted == 1
    (context.settings.home / "tracker.toml").write_text("[column", encoding="utf-8")
    with pytest.raises(TrackerError, match="not TOML"):
        import_file(context, path)
