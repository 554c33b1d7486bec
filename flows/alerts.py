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
from config.text import in_words

DOCTOR = (sys.executable, "-c", "from cli import main; main()", "doctor", "--quick", "--json")
DOCTOR_SECONDS = 300
# Findings whose word for programs says too little in a sentence: "the doctor found ...".
_FOUND = {
    "accreditation_ended": "an accreditation of mail that has ended",
    "almanac": "bank holidays that are known for too short a time",
    "cannot_open": "an installation that cannot be opened",
    "clock": "records of a later time than the clock's",
    "configuration_file": "a fault in a configuration file",
    "disk": "too little space on the disk",
    "findings_open": "open findings of a verification",
    "key_missing": "no person.key",
    "key_other": "the person.key of another installation",
    "key_owner": "a person.key of another account",
    "key_readable": "a person.key that others can read",
    "ladder": "a fault in the escalation policy",
    "log_key": "no usable key that signs the log",
    "look_again": "cases for a person to look at again",
    "names": "words in the files that name nothing",
    "no_sweep": "no sweep that finished",
    "other_law": "other rules than those in force",
    "prefect": "a Prefect server that does not answer",
    "process": "a component that does not run",
    "stale": "cases worked out under other rules",
    "supervisor": "a supervisor that was killed",
    "sweep_troubled": "a sweep that did not work out every case",
    "transports_file": "a fault in transports.toml",
    "two_laws": "machines with different rules",
}


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


def in_a_sentence(found: str) -> str:
    """What the doctor found, as a sentence names it, from its word for programs."""
    return _FOUND.get(found) or in_words(found)


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
