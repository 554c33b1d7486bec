"""With SENDFLOW_SECOND_PERSON, one person alone accepts no exception, adopts no pack and releases nothing on hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from audit.verify import verify
from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.context import AppContext
from casework.delivery.holds import release_held
from casework.delivery.release import release
from casework.rule_packs import adopt, adoptions
from casework.to_decide import waiting
from config.settings import Settings, SettingsError
from models.database import reading
from models.facts import FactDraft
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack
from tests.support.by_hand import SALT, TRUST, day
from tests.support.team import Team

DAY, LATER = "14 Apr 2026", "15 Apr 2026"


def guarded(team: Team, *decisions: str) -> None:
    """Let a second person agree to these decisions from now on."""
    team.first = replace(team.first, settings=replace(team.first.settings, second_person=frozenset(decisions)))
    team._contexts.clear()


def decided(context: AppContext) -> list[tuple[str, str, str]]:
    """Who asked, who agreed, and how it was recorded."""
    query = "SELECT t.actor, d.actor, d.how FROM to_decide t JOIN decided d ON d.number = t.number ORDER BY t.number"
    with reading(context.engine) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


@pytest.fixture
def claimed(team: Team) -> Team:
    """A case with a claimed exception."""
    team.opened()
    team.asked("2 Mar 2026", SALT, body=TRUST)
    team.record("1 Apr 2026", "excuse_claimed", "1 Apr 2026", service=SALT, body=TRUST, ground="missed_appointment")
    guarded(team, "exceptions")
    return team


def accept(
    team: Team, actor: str, today: str = DAY, reason: str = "as asked", *, on: str = DAY, again: str = "2026-05-18"
) -> None:
    claim = next(fact.seq for fact in team.lines() if fact.kind == "excuse_claimed")
    data = {
        "claim": claim,
        "decision": "accepted",
        "ground": "missed_appointment",
        "rule": "ehc_body_advice_respond",
        "look_again_on": again,
        "service": SALT,
        "body": TRUST,
        "reason": reason,
    }
    record(team.context(today), team.case, [FactDraft("excuse_decided", day(on), data)], actor)


def test_a_second_person_may_decide_on_another_day(claimed: Team) -> None:
    """The pages give the day and the day to look again by themselves: they differ by the day of the second person."""
    with pytest.raises(Refused, match="a second person has to agree"):
        accept(claimed, "dco.team")
    accept(claimed, "sam.lee", LATER, on=LATER, again="2026-05-19")
    [fact] = [each for each in claimed.lines() if each.kind == "excuse_decided"]
    assert (fact.actor, fact.occurred_on, fact.data["look_again_on"]) == ("sam.lee", day(LATER), "2026-05-19")


def test_an_exception_is_accepted_by_the_same_command_of_a_second_person(claimed: Team) -> None:
    before = len(claimed.lines())
    with pytest.raises(Refused, match="a second person has to agree") as first:
        accept(claimed, "dco.team")
    assert (first.value.code, len(claimed.lines())) == ("second_person", before)
    with pytest.raises(Refused, match="Another person") as same:
        accept(claimed, "dco.team")
    assert same.value.code == "same_person"
    accept(claimed, "sam.lee", reason="in other words")
    assert claimed.lines()[-1].actor == "sam.lee" and len(claimed.lines()) == before + 1
    assert decided(claimed.first) == [("dco.team", "sam.lee", "agreed")]
    assert verify(claimed.context(DAY)).damage == []


def test_an_exception_that_the_law_does_not_list_is_refused_to_the_first_person(claimed: Team) -> None:
    claim = next(fact.seq for fact in claimed.lines() if fact.kind == "excuse_claimed")
    data = {"claim": claim, "decision": "accepted", "ground": "no_such_ground", "look_again_on": "2026-05-18"}
    with pytest.raises(Refused) as refused:
        record(claimed.context(DAY), claimed.case, [FactDraft("excuse_decided", day(DAY), data)], "dco.team")
    assert refused.value.code not in ("second_person", "same_person")
    with reading(claimed.first.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM to_decide WHERE kind = 'second_person'").scalar() == 0


def test_a_refused_exception_needs_one_person(claimed: Team) -> None:
    claim = next(fact.seq for fact in claimed.lines() if fact.kind == "excuse_claimed")
    draft = FactDraft("excuse_decided", day(DAY), {"claim": claim, "decision": "refused"})
    record(claimed.context(DAY), claimed.case, [draft], "dco.team")
    assert claimed.lines()[-1].kind == "excuse_decided"


def test_what_was_asked_ends_after_14_days_and_is_no_row_of_the_list(claimed: Team) -> None:
    with pytest.raises(Refused):
        accept(claimed, "dco.team")
    with reading(claimed.first.engine) as connection:
        assert waiting(claimed.context(DAY), connection) == []
    late = day(DAY) + timedelta(days=15)
    with pytest.raises(Refused) as again:
        accept(claimed, "sam.lee", late.strftime("%-d %b %Y"))
    assert again.value.code == "second_person"


def test_a_pack_is_adopted_by_two(team: Team, tmp_path: Path) -> None:
    guarded(team, "adoptions")
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    context = team.context(DAY)
    with pytest.raises(Refused, match="a second person has to agree"):
        adopt(context, brought, "dco.team")
    assert adoptions(context) == [] and not list((team.home / "law").glob("0*"))
    with pytest.raises(Refused, match="Another person"):
        adopt(context, brought, "dco.team")
    assert adopt(context, brought, "sam.lee").actor == "sam.lee"
    assert decided(context) == [("dco.team", "sam.lee", "agreed")]


def test_notices_on_hold_are_released_by_two(team: Team) -> None:
    guarded(team, "releases")
    context = team.context(DAY)
    with pytest.raises(Refused, match="a second person has to agree"):
        release(context, "dco.team")
    assert release(context, "sam.lee") == 0
    assert decided(context) == [("dco.team", "sam.lee", "agreed")]
    with pytest.raises(Refused, match="a second person has to agree"):
        release(context, "sam.lee")  # the next release asks again


def test_the_e_mails_of_one_case_are_released_by_two_who_spell_it_in_their_way(team: Team) -> None:
    """Before, two had to agree to the release of all that is on hold, and one released a case."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    guarded(team, "releases")
    context, before = team.context(DAY), team.lines()
    with pytest.raises(Refused, match="a second person has to agree"):
        release_held(context, team.case, "dco.team", "nothing more to type")
    with pytest.raises(Refused, match="Another person"):
        release_held(context, f"{team.case[:2]}-{team.case[2:]}", "dco.team", "again")
    assert team.lines() == before
    assert release_held(context, team.case, "sam.lee", "seen").cases == [team.case]
    assert decided(context) == [("dco.team", "sam.lee", "agreed")]


def test_without_the_setting_one_person_decides(team: Team) -> None:
    assert release(team.context(DAY), "dco.team") == 0 and decided(team.first) == []


def test_the_setting_names_known_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDFLOW_SECOND_PERSON", "exceptions, adoptions")
    assert Settings.read().second_person == {"exceptions", "adoptions"}
    monkeypatch.setenv("SENDFLOW_SECOND_PERSON", "everything")
    with pytest.raises(SettingsError, match="SENDFLOW_SECOND_PERSON names decisions"):
        Settings.read()
