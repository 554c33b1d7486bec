"""The grades of each service across rounds of audits, a line for each round, the newest first. [I/O]

Purpose: whether grades rise after feedback and training. It names organisations and services, and no child.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import open_files
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from config.text import in_words
from models.casefile import CaseFile
from models.marks import weakest
from statemachines.plan_audit import PROCESS, counted, times_graded, tool_of


class GradesRow(BaseModel):
    """What one round found of one service. `grades`: how often each grade, the best first. `unusable`: how many
    came in time and are inadequate all the same. `weakest`: the criteria that lost the most points.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    body: str | None
    service: str | None
    whose: str
    opened_on: date
    tool: str
    items: int
    grades: list[tuple[str, int]]
    grades_name: str
    unusable: int
    weakest: list[str]
    weakest_name: str


def audit_grades(context: AppContext, wanted: Wanted) -> Listed:
    """A line for each service in each round, by service, the newest round first. Rounds that ended are in it."""
    rows = [
        row
        for file in open_files(context, PROCESS.name, {"withdrawn"}, wanted.today)
        for row in _of_round(context, file)
    ]
    rows.sort(key=lambda row: row.opened_on, reverse=True)
    return Listed(sorted(rows, key=lambda row: (row.body or "", row.service or "")), 0)


def _of_round(context: AppContext, file: CaseFile) -> list[GradesRow]:
    items = counted(file)
    found = []
    for body, service in sorted({(each.body, each.service) for each in items}, key=str):
        own = [each for each in items if (each.body, each.service) == (body, service)]
        graded, weak = times_graded(own), list(weakest(each.answers for each in own))
        found.append(
            GradesRow(
                case_ref=file.case_ref,
                body=body,
                service=service,
                whose=_whose(context, body, service),
                opened_on=file.lines[0].occurred_on,
                tool=str(tool_of(file)["audit_tool"]),
                items=len(own),
                grades=graded,
                grades_name=", ".join(f"{times} {in_words(grade)}" for grade, times in graded),
                unusable=sum(each.on_time == "yes" and each.grade == "inadequate" for each in own),
                weakest=weak,
                weakest_name=", ".join(map(in_words, weak)),
            )
        )
    return found


def _whose(context: AppContext, body: str | None, service: str | None) -> str:
    named = [context.directory.service_name(service)] if service else []
    return ", ".join([*named, context.directory.body(body).name if body else "not said"])


GRADES = RegisterList(
    "audit_grades",
    "Grades across rounds of audits",
    "What each round found of each service, the newest round of a service first. Ended rounds are in it."
    " Criteria and thresholds are a local standard.",
    (
        Column("Case", "case_ref"),
        Column("Service", "whose"),
        Column("Round of", "opened_on"),
        Column("Marked", "items"),
        Column("Grades", "grades_name"),
        Column("In time and unusable", "unusable"),
        Column("Weakest criteria", "weakest_name"),
    ),
    audit_grades,
    by_authority=False,
)
