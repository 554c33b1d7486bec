"""The law watch: an entry is due until a person checks it, and again after 60 days; a check is recorded for ever."""

import pytest

from casework.law_watch import WrongCheck, checks_of, record_check, watched
from tests.support.team import Team

WATCH = "send_regulations"


def due(team: Team, today: str) -> set[str]:
    return {each.id for each in watched(team.context(today)) if each.due}


def test_an_entry_is_due_until_it_is_checked_and_again_after_60_days(team: Team) -> None:
    team.opened("2 Feb 2026")
    every = {each.id for each in watched(team.context("3 Feb 2026"))}
    assert due(team, "3 Feb 2026") == every
    done = record_check(team.context("3 Feb 2026"), WATCH, "unchanged", "dco.team")
    assert done.last is not None and (done.last.found, done.last.actor, done.due) == ("unchanged", "dco.team", False)
    assert due(team, "4 Apr 2026") == every - {WATCH}
    assert due(team, "5 Apr 2026") == every
    record_check(team.context("5 Apr 2026"), WATCH, "changed", "admin.team", "page")
    assert [(each.found, each.actor) for each in checks_of(team.context("5 Apr 2026"), WATCH)] == [
        ("changed", "admin.team"),
        ("unchanged", "dco.team"),
    ]
    assert team.verify("5 Apr 2026").intact


@pytest.mark.parametrize(("word", "found"), [("none", "unchanged"), (WATCH, "perhaps")])
def test_a_wrong_check_is_refused_and_recorded_nowhere(team: Team, word: str, found: str) -> None:
    context = team.opened("2 Feb 2026").context("3 Feb 2026")
    with pytest.raises(WrongCheck, match="one of"):
        record_check(context, word, found, "dco.team")
    assert checks_of(context, WATCH) == []


def test_a_team_has_its_own_list(team: Team) -> None:
    team.opened("2 Feb 2026")
    own = '[watch.local]\ntitle = "Our own"\nmay_change = "a local number"\nsource = "https://icb.example/"\n'
    (team.home / "law_watch.toml").write_text(own, "utf-8")
    assert [each.id for each in watched(team.context("4 Feb 2026"))] == ["local"]
