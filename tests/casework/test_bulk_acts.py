"""One act on several cases: each is done as the command does it for one; what is refused stops no other."""

from datetime import date

import pytest

from audit.verify import verify
from casework.bulk_acts import MOST, BulkAct, BulkKind, do_bulk, try_bulk
from casework.cases.record import record
from casework.context import AppContext
from casework.owners import assign, owner_of
from models.database import reading
from models.facts import FactDraft
from tests.support.by_hand import SALT, TRUST
from tests.support.team import Team

REFS = ("NX90001", "NX90002", "NX90003")
WHO = "dco.team"
RECEIVED = BulkAct(
    kind=BulkKind.RECORD,
    fact="health_advice_received",
    on=date(2026, 3, 16),
    data={"body": TRUST, "service": SALT},
)


@pytest.fixture
def context(team: Team) -> AppContext:
    for number, ref in enumerate(REFS):
        nhs = ("999 000 0018", "999 123 4500", "999 000 0034")[number]
        team.record("2 Feb 2026", "ehc_assessment_requested", case=ref, la="northshire", nhs_number=nhs)
        team.record("2 Mar 2026", "health_advice_requested", case=ref, body=TRUST, service=SALT)
    return team.context("16 Mar 2026")


def seen(context: AppContext, act: BulkAct, *refs: str) -> dict[str, int]:
    return {line.case_ref: line.seq for line in try_bulk(context, refs or REFS, act, WHO) if not line.refused}


def owner(context: AppContext, ref: str) -> str | None:
    with reading(context.engine) as connection:
        return owner_of(connection, ref)


def test_a_trial_of_each_act_writes_nothing_and_names_what_each_does(team: Team, context: AppContext) -> None:
    before = team.dump()
    for act in (
        BulkAct(kind=BulkKind.ASSIGN, owner="admin.team"),
        BulkAct(kind=BulkKind.PAUSE, reason="a meeting is arranged", until=date(2026, 3, 20)),
        BulkAct(kind=BulkKind.RELEASE, reason="they may leave"),
        RECEIVED,
    ):
        lines = try_bulk(context, [*REFS, "NX99999"], act, WHO)
        assert [line.case_ref for line in lines] == [*REFS, "NX99999"]
        assert [line.refused for line in lines] == [None, None, None, "there is no such case"]
    assert team.dump() == before


def test_the_same_fact_on_three_cases_is_what_three_commands_record(team: Team, context: AppContext) -> None:
    lines = try_bulk(context, REFS, RECEIVED, WHO)
    assert all(line.effects is not None and line.effects.cases[0].duties for line in lines)
    done = do_bulk(context, seen(context, RECEIVED, *REFS[:2]), RECEIVED, WHO)
    record(context, REFS[2], [FactDraft(RECEIVED.fact, date(2026, 3, 16), dict(RECEIVED.data))], WHO, via="page")
    assert [line.refused for line in done] == [None, None]
    kinds = [
        [(fact.kind, fact.actor, fact.via, fact.occurred_on, fact.data) for fact in team.lines(ref)] for ref in REFS
    ]
    assert [each[1:] for each in kinds] == [kinds[0][1:]] * 3
    assert verify(context).intact


def test_a_case_that_changed_after_the_look_is_left_alone_and_a_second_press_does_nothing(
    team: Team, context: AppContext
) -> None:
    looked = seen(context, RECEIVED)
    record(
        context,
        REFS[0],
        [FactDraft("health_advice_acknowledged", date(2026, 3, 4), {"body": TRUST, "service": SALT})],
        WHO,
    )
    first = do_bulk(context, looked, RECEIVED, WHO)
    assert [bool(line.refused) for line in first] == [True, False, False]
    assert "changed after you looked" in str(first[0].refused)
    facts = [len(team.lines(ref)) for ref in REFS]
    again = do_bulk(context, looked, RECEIVED, WHO)
    assert all(line.refused for line in again) and [len(team.lines(ref)) for ref in REFS] == facts


def test_one_refused_case_stops_no_other(team: Team, context: AppContext) -> None:
    wrong = RECEIVED.model_copy(update={"fact": "excuse_decided", "data": {"claim": 99, "decision": "accepted"}})
    lines = try_bulk(context, REFS, wrong, WHO)
    assert all(line.refused for line in lines)
    done = do_bulk(context, {REFS[0]: 2, "NX99999": 1, REFS[1]: 2}, RECEIVED, WHO)
    assert [(line.case_ref, bool(line.refused)) for line in done] == [
        (REFS[0], False),
        (REFS[1], False),
        ("NX99999", True),
    ]


def test_cases_are_assigned_and_paused_as_by_their_own_commands(team: Team, context: AppContext) -> None:
    act = BulkAct(kind=BulkKind.ASSIGN, owner="admin.team")
    assign(context, REFS[1], "admin.team", WHO)
    lines = do_bulk(context, seen(context, act), act, WHO)
    assert [(line.owner, line.unchanged) for line in lines] == [(None, False), ("admin.team", True), (None, False)]
    assert {owner(context, ref) for ref in REFS} == {"admin.team"}
    pause = BulkAct(kind=BulkKind.PAUSE, reason="a meeting is arranged", until=date(2026, 3, 20))
    do_bulk(context, seen(context, pause), pause, WHO)
    assert [team.lines(ref)[-1].data["until"] for ref in REFS] == ["2026-03-20"] * 3
    past = pause.model_copy(update={"until": date(2026, 3, 1)})
    assert all("to come" in str(line.refused) for line in try_bulk(context, REFS, past, WHO))


def test_a_release_of_several_cases_asks_for_a_second_person_where_one_does(team: Team, context: AppContext) -> None:
    from dataclasses import replace

    asked = replace(context, settings=replace(context.settings, second_person=frozenset({"releases"})))
    act = BulkAct(kind=BulkKind.RELEASE, reason="they may leave")
    lines = try_bulk(asked, REFS, act, WHO)
    assert [line.asked for line in lines] == [True] * 3
    first = do_bulk(asked, {line.case_ref: line.seq for line in lines}, act, WHO)
    assert all(line.asked and line.refused for line in first)
    same = do_bulk(asked, {line.case_ref: line.seq for line in lines}, act, WHO)
    assert all(line.refused and not line.asked for line in same)
    second = do_bulk(asked, {line.case_ref: line.seq for line in lines}, act, "admin.team")
    assert [line.refused for line in second] == [None] * 3


def test_no_more_than_a_hundred_cases_are_done_at_once(context: AppContext) -> None:
    act = BulkAct(kind=BulkKind.ASSIGN, owner="admin.team")
    assert len(try_bulk(context, [f"ZZ{n:05}" for n in range(MOST + 20)], act, WHO)) == MOST
