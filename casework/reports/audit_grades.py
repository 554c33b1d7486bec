"""The grades of each service across rounds of audits, a line for each round, the newest first. [I/O]

Purpose: whether grades rise after feedback and training. It names organisations and services, and no child.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import open_files
from models.casefile import CaseFile
from models.marks import weakest
from statemachines.plan_audit import PROCESS, counted, times_graded, tool_of


class GradesRow(BaseModel):
    """What one round found of one service. `grades`: how often each grade, the best first. `unusable_on_time`: how many
    came in time and are inadequate all the same. `weakest`: the criteria that lost the most points.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    body: str | None
    service: str | None
    opened_on: date
    tool: str
    items: int
    grades: list[tuple[str, int]]
    unusable_on_time: int
    weakest: list[str]


def audit_grades(context: AppContext, as_at: date) -> list[GradesRow]:
    """A line for each service in each round, by service, the newest round first. Rounds that ended are in it."""
    rows = [row for file in open_files(context, PROCESS.name, {"withdrawn"}, as_at) for row in _of_round(file)]
    rows.sort(key=lambda row: row.opened_on, reverse=True)
    return sorted(rows, key=lambda row: (row.body or "", row.service or ""))


def _of_round(file: CaseFile) -> list[GradesRow]:
    items = counted(file)
    found = []
    for body, service in sorted({(each.body, each.service) for each in items}, key=str):
        own = [each for each in items if (each.body, each.service) == (body, service)]
        found.append(
            GradesRow(
                case_ref=file.case_ref,
                body=body,
                service=service,
                opened_on=file.lines[0].occurred_on,
                tool=str(tool_of(file)["audit_tool"]),
                items=len(own),
                grades=times_graded(own),
                unusable_on_time=sum(each.on_time == "yes" and each.grade == "inadequate" for each in own),
                weakest=list(weakest(each.answers for each in own)),
            )
        )
    return found
