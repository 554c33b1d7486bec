"""The job that an automation of Prefect starts: the doctor looks, and writes to SENDFLOW_ALERT_TO what needs a fix.

Purpose: an automation can notify by itself, but needs a block with a login for it. This calls sendflow's own alert,
which uses the installation's mail transport and writes once a day for the same findings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext

DOCTOR = (sys.executable, "-c", "from cli import main; main()", "doctor", "--quick", "--json")
DOCTOR_SECONDS = 300


class AlertOutcome(StrEnum):
    """What became of an alert."""

    NOTHING = "nothing"
    WRITTEN = "written"
    NOT_SENT = "not_sent"
    NOBODY = "nobody"


class AlertReport(BaseModel):
    """What the doctor found, by its words, and what became of the alert."""

    model_config = ConfigDict(frozen=True)
    outcome: AlertOutcome
    found: list[str] = []


def raise_alert(context: AppContext) -> AlertReport:
    """Run the doctor of this installation with its alert. It writes only what it has not written today."""
    nobody = context.settings.alert_to is None
    # A process of its own, because the doctor is above this package, and reads everything again.
    command = DOCTOR if nobody else (*DOCTOR, "--alert")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOCTOR_SECONDS)
    if done.returncode not in (0, 1):
        return AlertReport(outcome=AlertOutcome.NOT_SENT)
    found = sorted({str(each["what"]) for each in json.loads(done.stdout)["findings"]})
    if nobody:
        return AlertReport(outcome=AlertOutcome.NOBODY, found=found)
    return AlertReport(outcome=AlertOutcome.WRITTEN if found else AlertOutcome.NOTHING, found=found)
