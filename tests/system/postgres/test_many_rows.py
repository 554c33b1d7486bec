"""Many rows at once: from 100 rows on PostgreSQL gets them in one piece, to insert and to update."""

from casework.cases.record import RecordCommand, record_acts
from models.facts import FactDraft
from tests.support.by_hand import day
from tests.support.team import Team

CASES = 120
ADVICE = {"body": "QX101", "service": "speech_and_language_therapy"}


def test_more_rows_than_go_one_by_one_are_inserted_and_updated(team: Team) -> None:
    references = [f"NX{number:05d}" for number in range(10_000, 10_000 + CASES)]
    context = team.context("2 Mar 2026")

    def recorded(kind: str, on: str, data: dict[str, str]) -> None:
        acts = [RecordCommand(case, [FactDraft(kind, day(on), data)]) for case in references]
        assert len(record_acts(context, acts, "dco.team", "record")) == CASES

    recorded("ehc_assessment_requested", "2 Feb 2026", {"la": "northshire"})
    recorded("health_advice_requested", "2 Mar 2026", ADVICE)
    report = team.sweep("14 Apr 2026")
    assert report.cases_looked_at == CASES and report.troubles == []
    assert team.verify("14 Apr 2026").intact
