"""A Prefect server that is gone, hangs or breaks off while facts are recorded; a mail server that is slow, refuses or
never answers.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.process_environment import child_environment
from config.running_instance import Running, write_running
from config.settings import Settings
from notifications.transport import SmtpTransport
from runtime.diagnostics.checks import examine
from tests.support.fault_judge import all_is_well, facts_are_there_once, nothing_is_left, records_are_whole
from tests.support.fault_workers import nursery
from tests.support.mail_server import HOST, ScriptedMailServer, letters
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.system.faults.test_killed_at_random import opening

TODAY = "2026-03-02"
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: application/json\r\n\r\ntrue"


@contextmanager
def line(first: bytes = b"", *, healthy: bool = False, for_ever: bool = False) -> Iterator[int]:
    """A port that takes every call and says `first`, or that it is well where it is asked for its health; then it hangs
    (or hangs up).

    `for_ever`: it says it again and again, until the caller hangs up.
    """
    calls: list[socket.socket] = []
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def take() -> None:
            while not over.is_set():
                try:
                    call, _ = server.accept()
                except TimeoutError:
                    continue
                if healthy:
                    call.settimeout(5)
                    asked = call.recv(4096)
                    call.sendall(WELL if b"/health" in asked.split(b"\r\n")[0] else b"")
                    call.close()
                    continue
                call.sendall(first)
                calls.append(call)
                while for_ever and not over.wait(0.02):
                    try:
                        call.sendall(first)
                    except OSError:
                        break

        taker = threading.Thread(target=take)
        taker.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            taker.join()
            for call in calls:
                call.close()


def test_the_doctor_names_an_installation_whose_supervisor_was_killed(team: Team) -> None:
    """The supervisor's components died with it and could not report it."""
    nobody = 2**22 - 3
    assert not Path(f"/proc/{nobody}").exists()
    state = Running(
        nobody,
        "2026-03-02T09:00:00+00:00",
        "http://127.0.0.1:9/api",
        "http://127.0.0.1:9",
        HOST,
        9,
        str(team.home),
        {"scheduler": nobody},
    )
    write_running(team.home / "running.json", state)
    assert [each.what for each in examine(team.context(TODAY).settings).findings] == ["supervisor"]


@pytest.mark.parametrize("how", ["gone", "hangs", "breaks_off"])
def test_facts_are_recorded_when_prefect_fails(team: Team, how: str) -> None:
    """The command ends without an error within 30 seconds, prints one line about Prefect, and stores the fact once."""
    with line(healthy=how == "breaks_off") as port:
        at = 9 if how == "gone" else port
        running = Running(
            os.getpid(),
            "2026-03-02T09:00:00+00:00",
            f"http://{HOST}:{at}/api",
            f"http://{HOST}:{at}",
            HOST,
            9,
            str(team.home),
            {},
        )
        write_running(team.home / "running.json", running)
        environment = child_environment(Settings(home=team.home)) | {"SENDFLOW_TODAY": TODAY, "PYTHONPATH": str(ROOT)}
        words = [
            "record",
            "NX00000",
            "ehc_assessment_requested",
            "--on",
            TODAY,
            "--actor",
            "dco.team",
            "--data",
            "la=northshire",
        ]
        began = time.monotonic()
        command = [sys.executable, "-c", "from cli import main; main()", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 60
    assert "Traceback" not in done.stderr
    assert sum("Prefect" in said for said in done.stderr.splitlines()) == 1
    case, facts = opening(0, TODAY)
    facts_are_there_once(team, [(case, facts[:1])], [(case, facts[:1])])
    records_are_whole(team, TODAY)


def test_a_silent_mail_server_blocks_nothing_and_is_not_a_refusal(
    team: Team, mail_server: ScriptedMailServer, tmp_path: Path
) -> None:
    """The server is half open, silent after its greeting, or busy. The letter waits with its Message-ID and leaves
    when a server answers.
    """
    with nursery(team) as children:
        children.one("record", TODAY, str(tmp_path / "accepted"), [opening(0, TODAY)])
        for greeting, why in (
            (b"", "unreachable"),
            (b"220 ready\r\n", "line_lost_before_data"),
            (b"421 busy\r\n", "smtp_421"),
        ):
            with line(greeting) as port:
                ended = children.one("deliver", TODAY, HOST, port, 0.2)
            assert (ended.code, ended.answer["sent"], ended.answer["failed"], ended.seconds < 10) == (0, 0, 0, True)
            assert [(state, said) for _to, _day, state, said in letters(team)] == [("waiting", why)]
        assert children.one("deliver", "2026-03-03", HOST, mail_server.port, 5.0).answer["sent"] == 1
    all_is_well(team, mail_server, "2026-03-03")
    nothing_is_left(team)


class Dawdling(ScriptedMailServer):
    """Accepts the letter, and then answers again and again that it is not finished."""

    dawdle = True

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        assert isinstance(server.transport, asyncio.Transport)
        while self.dawdle and not server.transport.is_closing():
            server.transport.write(b"250-not yet\r\n")
            await asyncio.sleep(0.02)
        return answer


def test_a_mail_server_that_never_ends_its_answer_is_cut_off(team: Team, tmp_path: Path) -> None:
    """Each line arrives in time and the last one never. Without a limit for the whole, no other letter would leave."""
    mail_server = Dawdling()
    mail_server.open()
    try:
        with nursery(team) as children:
            children.one("record", TODAY, str(tmp_path / "accepted"), [opening(0, TODAY)])
            with line(b"220-one moment\r\n", for_ever=True) as port:
                ended = children.one("deliver", TODAY, HOST, port, 0.1)
            assert (ended.code, ended.answer["sent"], ended.seconds < 10) == (0, 0, True)
            assert [(state, said) for _to, _day, state, said in letters(team)] == [("waiting", "unreachable")]
            ended = children.one("deliver", "2026-03-03", HOST, mail_server.port, 0.1)
            assert (ended.code, ended.answer["sent"], ended.seconds < 10) == (0, 0, True)
            assert [(state, said) for _to, _day, state, said in letters(team)] == [("waiting", "outcome_unknown")]
            mail_server.dawdle = False
            assert children.one("deliver", "2026-03-04", HOST, mail_server.port, 5.0).answer["sent"] == 1
        assert (len(mail_server.arrived), len(set(mail_server.ids()))) == (2, 1)
    finally:
        mail_server.close()
    records_are_whole(team, "2026-03-04")
    nothing_is_left(team)


def test_a_slow_mail_server_that_took_the_letter_after_all_has_it_twice_under_one_id(
    team: Team, mail_server: ScriptedMailServer, tmp_path: Path
) -> None:
    """The server answers after the time limit. The outcome is unknown, so the same letter leaves once more."""
    with nursery(team) as children:
        children.one("record", TODAY, str(tmp_path / "accepted"), [opening(0, TODAY)])
        mail_server.hang_up = True
        assert children.one("deliver", TODAY, HOST, mail_server.port, 2.0).answer["sent"] == 0
        mail_server.hang_up = False
        assert children.one("deliver", "2026-03-03", HOST, mail_server.port, 2.0).answer["sent"] == 1
    assert len(mail_server.arrived) == 2
    assert len(set(mail_server.ids())) == 1
    assert SmtpTransport(HOST, mail_server.port).answers()
    records_are_whole(team, "2026-03-03")
    nothing_is_left(team)
