"""On PostgreSQL the processes of a verification read one snapshot, which the caller exports."""

import pytest

from audit import parts, whole
from audit.verify import How, verify, verify_and_store, verify_since_last
from casework.proof.sequencer import sequence
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"
DAY, LATER = "3 Feb 2026", "4 Feb 2026"


def test_two_processes_find_what_one_finds_and_what_is_new_is_verified_alone(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (parts, whole):
        monkeypatch.setattr(module, "RANGE", 2)
    for number in range(1, 6):
        team.record("2 Feb 2026", OPENS, case=f"NX9000{number}", la="northshire")
    sequence(team.context(DAY))
    one = verify_and_store(team.context(DAY))
    two = verify(team.context(DAY), how=How(2))
    assert two.model_dump() == one.model_dump()
    assert (two.intact, two.cases) == (True, 5)
    team.record(LATER, AGREED, case="NX90004")
    sequence(team.context(LATER))
    found = verify_since_last(team.context(LATER))
    assert (found.damage, found.cases, found.facts) == ([], 1, 2)
