"""Links between cases: whose a case is changes by a correction alone, damage to one case stops no other, and workers
that link at once leave one child.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from casework.cases.record import RecordCommand, Recorded, Refusal, record_acts
from casework.cases.validation import Refused
from casework.privacy.erasure import Ground
from casework.reports.case_report import report
from cli import _plain
from models.database import is_postgresql, reading, writing
from models.facts import FactDraft
from models.ledger import Damaged
from tests.support.by_hand import day
from tests.support.erasing import erase
from tests.support.team import Team

NUMBER, OTHER = "9990000018", "9990000026"
PLAN, SECOND, APPEAL = "NX90001", "NX90002", "TR90001"
TODAY = "1 Jun 2026"


def keys(team: Team) -> dict[str, str | None]:
    with reading(team.first.engine) as connection:
        return dict(tuple(row) for row in connection.execute(text("SELECT case_ref, child_key FROM case_file")))


@pytest.fixture
def two_children(team: Team) -> Team:
    """A refusal to assess for each of two children, and the appeal of the first."""
    for case, number in ((PLAN, NUMBER), (SECOND, OTHER)):
        team.record("12 Jan 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
        team.record("16 Feb 2026", "assessment_refused", case=case)
    team.record(
        "16 Feb 2026", "decision_notified", case=APPEAL, la="northshire", decision="refusal_to_assess", linked_to=PLAN
    )
    return team


@pytest.mark.parametrize(
    ("said", "field"), [({"linked_to": SECOND}, "linked_to"), ({"nhs_number": OTHER}, "nhs_number")]
)
def test_no_further_fact_takes_a_case_to_another_child(two_children: Team, said: dict[str, Any], field: str) -> None:
    """As it was: the appeal became the second child's without a word, and its order was recorded, and chased, there."""
    before = two_children.dump()
    with pytest.raises(Refused, match="fact_corrected") as refused:
        two_children.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess", **said)
    assert (refused.value.code, refused.value.field) == ("another_child", field)
    assert OTHER not in refused.value.message
    assert two_children.dump() == before


def test_a_correction_of_the_number_does_not_make_two_children_one(two_children: Team) -> None:
    """As it was: a Section 23 case whose number was corrected took every case of its child with it."""
    two_children.record(
        "2 Mar 2026",
        "section23_opinion_formed",
        case="SN90001",
        la="northshire",
        body="QX101",
        nhs_number=NUMBER,
        date_of_birth="2022-05-21",
    )
    before = two_children.dump()
    with pytest.raises(Refused, match="correct its first fact"):
        two_children.record("3 Mar 2026", "fact_corrected", case="SN90001", corrects=1, nhs_number=OTHER)
    assert two_children.dump() == before


def test_a_number_that_is_nobody_elses_is_mended_by_a_correction_on_a_case_of_any_process(two_children: Team) -> None:
    """As it was: where a process works nothing out from a birth the correction was accepted, and its number was
    lost.
    """
    two_children.record("1 Apr 2026", "fact_corrected", case=APPEAL, corrects=1, nhs_number="9990000034")
    kept = keys(two_children)
    two_children.record(
        "2 Apr 2026", "appealable_notice_sent", case="ME90001", la="northshire", nhs_number="9990000034"
    )
    assert keys(two_children)["ME90001"] == kept[PLAN] == kept[APPEAL]


def test_a_changed_number_of_a_tracker_comes_with_new_facts_of_its_row(two_children: Team) -> None:
    """The person who imports has accepted the change; a number of another child is refused here as anywhere."""
    context = two_children.context("1 Apr 2026")
    draft = FactDraft("appeal_registered", day("1 Apr 2026"), {"appeal": "refusal_to_assess"})
    (refused,) = record_acts(context, [RecordCommand(APPEAL, [draft], {"nhs_number": OTHER})], "importer", "import")
    assert isinstance(refused, Refusal) and refused.code == "another_child"
    acts = [RecordCommand(APPEAL, [draft], {"nhs_number": "9990000034"}, confirmed=yes) for yes in (False, True)]
    asked, taken = record_acts(context, acts, "importer", "import")
    assert isinstance(asked, Refusal) and asked.code == "confirm_child" and f"case {PLAN}" in asked.message
    assert isinstance(taken, Recorded)


def test_a_corrected_link_moves_the_case_alone_and_names_the_facts_copied_from_the_wrong_child(
    two_children: Team,
) -> None:
    two_children.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess")
    assert two_children.record("4 May 2026", "order_to_assess_made", case=APPEAL).unheard == []
    ordered = two_children.lines(PLAN)[-1]
    assert ordered.kind == "assessment_ordered"
    follow_ups = two_children.record("5 May 2026", "fact_corrected", case=APPEAL, corrects=1, linked_to=SECOND).unheard
    assert follow_ups == [
        f"Case {APPEAL} and case {PLAN} are about different children now. Facts of case {PLAN} copied from case"
        f" {APPEAL}: {ordered.seq}. Withdraw each with fact_withdrawn",
        f"Case {APPEAL} has order_to_assess_made of 2026-05-04, and case {SECOND} of the same child has no"
        f" assessment_ordered of it. If it belongs there: sendflow record {SECOND} assessment_ordered --on 2026-05-04",
    ]
    found = keys(two_children)
    assert found[APPEAL] == found[SECOND] != found[PLAN]
    two_children.record("5 May 2026", "fact_withdrawn", case=PLAN, corrects=ordered.seq)
    assert report(two_children.context(TODAY), PLAN).state == "refused"


def test_a_link_merges_two_children_with_all_their_cases(team: Team) -> None:
    for case, number in ((PLAN, None), (SECOND, NUMBER)):
        team.record("12 Jan 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
    team.record(
        "16 Feb 2026", "decision_notified", case=APPEAL, la="northshire", decision="refusal_to_assess", linked_to=PLAN
    )
    assert len(set(keys(team).values())) == 2
    team.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess", linked_to=SECOND)
    assert len(set(keys(team).values())) == 1
    # And by a number that is learned late: the others of the child come with the case.
    team.record("2 Apr 2026", "plan_reviewed", case="AR90001", la="northshire")
    team.record("2 Apr 2026", "plan_reviewed", case="AR90002", la="northshire", linked_to="AR90001")
    team.record("3 Apr 2026", "fact_corrected", case="AR90002", corrects=1, nhs_number=NUMBER)
    assert len(set(keys(team).values())) == 1


@pytest.mark.parametrize(
    ("linked", "code"),
    [
        (APPEAL, "linked_to_itself"),
        ("NX99999", "no_such_case"),
        ("=1+1", "no_such_case"),
        ("nx90001\r\nBcc: x", "no_such_case"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused_by_what_is_wrong_with_it(
    two_children: Team, linked: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        two_children.record(
            "1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess", linked_to=linked
        )
    assert (refused.value.code, refused.value.field) == (code, "linked_to")
    assert linked == APPEAL or linked not in refused.value.message


def test_an_act_that_names_two_cases_is_refused(two_children: Team) -> None:
    facts = [
        ("decision_notified", "1 Apr 2026", {"la": "northshire", "decision": "refusal_to_assess", "linked_to": PLAN}),
        ("appeal_registered", "1 Apr 2026", {"appeal": "refusal_to_assess", "linked_to": SECOND}),
    ]
    with pytest.raises(Refused, match="name several"):
        two_children.act("1 Apr 2026", *facts, case="TR90002")


def test_a_refused_act_of_many_has_linked_nothing(team: Team) -> None:
    team.record("12 Jan 2026", "ehc_assessment_requested", case=PLAN, la="northshire")
    before = team.dump()
    draft = FactDraft(
        "decision_notified", day("16 Feb 2026"), {"la": "northshire", "decision": "of another sort", "linked_to": PLAN}
    )
    (outcome,) = record_acts(team.context("16 Feb 2026"), [RecordCommand(APPEAL, [draft])], "dco.team", "record")
    assert isinstance(outcome, Refusal)
    assert team.dump() == before


def test_a_link_does_not_restore_an_erased_person(two_children: Team) -> None:
    """As it was: the database's own error, and on PostgreSQL word of others who were writing."""
    for case in (PLAN, APPEAL):
        two_children.record("1 Apr 2026", "case_closed", case=case)
    erase(two_children.context("2 Apr 2026"), PLAN, "dco.team", Ground.ERASURE_REQUEST)
    opening: dict[str, Any] = {"case": "ME90001", "la": "northshire", "linked_to": PLAN}
    with pytest.raises(Refused, match="was erased and is not stored again"):
        two_children.record("3 Apr 2026", "appealable_notice_sent", nhs_number=NUMBER, **opening)
    two_children.record("3 Apr 2026", "appealable_notice_sent", **opening)
    with pytest.raises(Refused, match="cannot be linked any more"):
        two_children.record(
            "3 Apr 2026",
            "decision_notified",
            case="TR90002",
            la="northshire",
            decision="refusal_to_assess",
            nhs_number=OTHER,
        )
        two_children.record(
            "4 Apr 2026", "appeal_registered", case="TR90002", appeal="refusal_to_assess", linked_to="ME90001"
        )


DEEDS = (
    "UPDATE fact SET text = 'x' WHERE case_ref = 'NX90001' AND seq = 2",
    (
        "UPDATE fact SET text = replace(text, 'assessment_refused', 'nothing_known'), kind = 'nothing_known' WHERE"
        " case_ref = 'NX90001' AND seq = 2"
    ),
    "DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = 1",
)


@pytest.mark.parametrize("deed", DEEDS)
def test_damage_to_one_case_of_a_child_refuses_no_fact_of_another(two_children: Team, deed: str) -> None:
    """As it was: `ValueError` for an appeal whose own history was sound, and no word of which case was damaged."""
    with writing(two_children.first.engine) as connection:
        for name in ("fact_no_update", "fact_no_delete"):
            connection.execute(text(f"DROP TRIGGER {name}{' ON fact' if is_postgresql(connection) else ''}"))
        connection.execute(text(deed))
    two_children.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess")
    follow_ups = two_children.record("4 May 2026", "order_to_assess_made", case=APPEAL).unheard
    assert follow_ups == [
        f"order_to_assess_made of case {APPEAL} was not copied to case {PLAN} of the same child, because case {PLAN}"
        f" cannot be read. Run: sendflow verify {PLAN}"
    ]
    assert {damage.case_ref for damage in two_children.verify(TODAY).damage} == {None, PLAN}
    two_children.sweep(TODAY)
    two_children.deliver(TODAY)


def test_every_command_that_reads_an_altered_case_names_it(two_children: Team) -> None:
    with writing(two_children.first.engine) as connection:
        connection.execute(text("DROP TRIGGER fact_no_update"))
        connection.execute(text(DEEDS[0]))
    with pytest.raises(Damaged, match="sendflow verify NX90001 names the fact") as damaged:
        two_children.record("1 Apr 2026", "case_closed", case=PLAN)
    assert _plain(damaged.value) == str(damaged.value)
    with pytest.raises(Refused, match="case NX90001, named in linked_to, cannot be read"):
        two_children.record("1 Apr 2026", "appealable_notice_sent", case="ME90001", la="northshire", linked_to=PLAN)


def test_workers_that_link_at_once_leave_one_child(team: Team) -> None:
    """Six cases in a ring, each linked to the next by whichever of four workers comes to it: all are one child's at the
    end, and know its number.
    """
    refs = [f"TR9000{number}" for number in range(1, 7)]
    for ref in refs:
        team.record(
            "16 Feb 2026",
            "decision_notified",
            case=ref,
            la="northshire",
            decision="refusal_to_assess",
            nhs_number=NUMBER if ref == refs[0] else None,
        )
    team.context("1 Apr 2026")
    faults: list[Exception] = []

    def work(places: range) -> None:
        for place in places:
            try:
                linked = refs[(place + 1) % len(refs)]
                assert (
                    team.record(
                        "1 Apr 2026",
                        "appeal_registered",
                        case=refs[place],
                        appeal="refusal_to_assess",
                        linked_to=linked,
                    ).unheard
                    == []
                )
            except Exception as fault:
                faults.append(fault)

    threads = [threading.Thread(target=work, args=(range(start, len(refs), 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set(keys(team).values())) == 1
    with reading(team.first.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM person")).scalar() == 1
    assert team.verify("2 Apr 2026").intact
