"""`sendflow record` for a person: what may be recorded now, what a fact did, and what is asked for."""

import contextlib
import os
import pty
import sys
from pathlib import Path

from tests.cli.test_cases import call, document, lived
from tests.support.calling import Call, sendflow
from tests.support.team import ready

__all__ = ["call", "lived"]
PROGRAM = Path(sys.executable).with_name("sendflow")


def test_record_says_which_due_date_and_which_letters_it_causes(lived: Call) -> None:
    given = ("--on", "2026-03-04", "--actor", "dco.team")
    asked = lived(
        *("record", "NX90001", "health_advice_requested", *given, "--data", "service=OT", "--data", "body=QX102"),
        today="2026-03-04",
    )
    assert asked.stdout.splitlines()[1:] == [
        "  Eastmere and Holme Hospitals NHS Foundation Trust, Occupational Therapy: comply with the request / give"
        " advice: due Wed 15 Apr 2026.",
        "It causes 1 notice: request for advice to the service.",
    ]
    corrected = lived(
        *("record", "NX90001", "fact_corrected", "--corrects", "3", *given, "--data", "occurred_on=2026-03-03"),
        today="2026-03-04",
    )
    assert "due Tue 14 Apr 2026, not Mon 13 Apr 2026." in corrected.stdout.splitlines()[1]


def test_record_of_a_case_alone_lists_what_may_be_recorded_now(lived: Call) -> None:
    shown = lived("record", "NX90001")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[:2] == ["Case NX90001, EHC needs assessment, is at 'Assessment under way'. It accepts:", "Usual"]
    assert lines[2:6:2] == [
        "  health_advice_received (meets: comply with the request / give advice)",
        "  health_advice_answered (meets: comply with the request / give advice)",
    ]
    assert lines[5].startswith("      fields: body, answer, [service], ")
    facts = document(lived("record", "NX90001", "--json"))["facts"]
    assert {"fact_corrected", "draft_plan_received"} <= {fact["kind"] for fact in facts}
    assert "breached" not in {fact["kind"] for fact in facts}, "sendflow records that itself"
    kinds = {field["name"]: field["kind"] for fact in facts for field in fact["fields"]}
    assert (kinds["occurred_on"], kinds["decision"], kinds["body"]) == ("day", "choice", "words")


def test_record_new_lists_what_opens_a_case_and_makes_no_installation(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    shown = sendflow("record", "new", env={"SENDFLOW_HOME": str(home)})
    assert shown.exit_code == 0 and "  ehc_assessment_requested (leads to 'Request received')" in shown.stdout
    assert not home.exists()


def test_a_fact_without_its_day_or_who_records_it_says_so(lived: Call) -> None:
    found = lived("record", "NX90001", "draft_plan_received")
    assert (found.exit_code, found.stderr.strip()) == (
        2,
        "draft_plan_received needs --on and --actor, for example --on 2026-03-02 --actor dco.team. To be asked for each"
        " part: sendflow record NX90001",
    )


def test_at_a_terminal_record_asks_for_the_fact_and_its_fields(tmp_path: Path) -> None:
    """A person types the answers into a real terminal, a wrong fact first."""
    home, run = str(ready(tmp_path / "var")), {"SENDFLOW_TODAY": "2026-03-02"}
    environment = {**os.environ, **run, "SENDFLOW_HOME": home}
    opened = sendflow(
        *("record", "NX90001", "ehc_assessment_requested", "--on", "2026-02-02", "--actor", "dco.team"),
        *("--data", "la=northshire"),
        env={**run, "SENDFLOW_HOME": home},
    )
    assert opened.exit_code == 0
    child, terminal = pty.fork()
    if child == 0:
        os.execve(PROGRAM, [str(PROGRAM), "record", "NX90001"], environment)
    os.write(terminal, b"assessment_agreeed\nassessment_agreed\n2026-02-20\n\ndco.team\n")
    shown = _read_all(terminal)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert "That is not in the list." in shown
    assert "Recorded assessment_agreed of 20 February 2026 as fact 2 of case NX90001" in shown


def _read_all(terminal: int) -> str:
    parts = []
    with contextlib.suppress(OSError):  # Linux ends a terminal whose program has ended with an error
        while part := os.read(terminal, 4096):
            parts.append(part)
    return b"".join(parts).decode()
