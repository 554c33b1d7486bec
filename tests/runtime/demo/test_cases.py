"""The sample cases: every process is at work on any date, each case is accepted whole, and a second call changes
nothing.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from audit.verify import verify
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from models.database import reading
from models.facts import REFERENCE
from runtime.demo.cases import FOLDER, SampleError, load_demo_cases, nhs_numbers
from statemachines.registry import processes
from tests.support.team import Team

DATES = (date(2026, 2, 28), date(2026, 8, 31), date(2026, 12, 28), date(2028, 2, 29))


def installation_on(team: Team, day: date) -> AppContext:
    return replace(team.first, settings=replace(team.first.settings, today=day))


def _cases(context: AppContext) -> list[tuple[str, str]]:
    with reading(context.engine) as connection:
        return [
            (str(row[0]), str(row[1])) for row in connection.exec_driver_sql("SELECT process, state FROM case_file")
        ]


@pytest.mark.parametrize("day", DATES, ids=str)
def test_the_sample_is_lived_on_any_date_and_every_case_is_accepted(team: Team, day: date) -> None:
    context = installation_on(team, day)
    assert load_demo_cases(context) == []
    lived = {process for process, _state in _cases(context)}
    assert lived >= {path.stem for path in FOLDER.glob("*.toml")}
    assert lived <= set(processes())
    ended = {process for process, state in _cases(context) if state in processes()[process].final}
    assert ended >= lived - {"ehc_needs_assessment"}, (
        "each process has a case from its opening to its end (of an assessment: the sample tracker)"
    )
    before = team.dump()
    assert load_demo_cases(context) == []
    assert team.dump() == before
    assert sweep(context, day).troubles == []
    assert deliver(context, now=True, reason="the sample's letters go to the local sink").failed == 0
    assert verify(context).intact


def test_a_directory_that_does_not_know_the_sample_leaves_a_case_out_whole_and_says_so(
    team: Team, tmp_path: Path
) -> None:
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "one.toml").write_text(
        '[[act]]\ncase = "SC99001"\nfact = "ehc_assessment_requested"\nago = 9\ndata = { la = "Northshire"'
        ' }\n[[act]]\ncase = "SC99001"\nfact = "health_advice_requested"\nago = 8\ndata = { body = "QX999"'
        ' }\n[[act]]\ncase = "SC99002"\nfact = "ehc_assessment_requested"\nago = 9\ndata = { la = "Northshire",'
        ' date_of_birth = "today-900" }\n',
        "utf-8",
    )
    refused = load_demo_cases(installation_on(team, DATES[0]), folder)
    assert len(refused) == 1 and refused[0].startswith("one.toml, SC99001: body is not in the directory")
    assert (len(team.lines("SC99001")), len(team.lines("SC99002"))) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "[[act]",
        '[[act]]\ncase = "lower"\nfact = "x"\nago = 1\n',
        '[[act]]\ncase = "SC1"\nfact = "case_closed"\nago = -1\n',
    ],
)
def test_a_faulty_sample_file_is_an_error_that_names_it(team: Team, tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.toml").write_text(text, "utf-8")
    with pytest.raises(SampleError, match=r"odd\.toml"):
        load_demo_cases(installation_on(team, DATES[0]), tmp_path)


def test_the_invented_children_have_numbers_that_are_valid_and_never_issued() -> None:
    from nhs_number import is_valid  # type: ignore[attr-defined]  # it exports by assignment

    assert len(set(nhs_numbers())) == len(nhs_numbers()) > 800
    assert all(number.startswith("999000") and is_valid(number) for number in nhs_numbers()[:50])


def test_references_of_the_sample_are_each_of_one_file() -> None:
    seen: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("case = "):
                reference = line.split('"')[1]
                assert REFERENCE.fullmatch(reference) and seen.setdefault(reference, path.name) == path.name
