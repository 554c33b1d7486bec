"""Every list of a time, by its name. A new list is one more line. Sheets of today are in registers.py."""

from __future__ import annotations

from collections.abc import Mapping

from casework.reports.period_lists.packages import APPROVALS, DUE
from casework.reports.period_lists.panels import PANELS
from casework.reports.period_lists.shape import PeriodList

LISTS: Mapping[str, PeriodList] = {each.name: each for each in (PANELS, APPROVALS, DUE)}
