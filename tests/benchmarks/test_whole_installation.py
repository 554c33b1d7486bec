"""The parts of the benchmark's waiting that need no running installation: what is noted, what is waited for and for how
long, what the other process says.
"""

import asyncio
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from prefect.exceptions import ObjectNotFound

from benchmarks.harness.background_load import TRUSTS, request
from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.workload import TODAY
from benchmarks.measures import whole_installation
from benchmarks.measures.whole_installation import Noting


def test_a_mailbox_is_noted_when_its_letter_lies_on_the_disk(tmp_path: Path) -> None:
    noting = Noting(tmp_path / "letters")
    envelope = Envelope()
    envelope.content = b"Message-ID: <one@dco.example>\r\n\r\nA letter.\r\n"
    envelope.rcpt_tos = ["one@trust-001.example", "two@trust-002.example"]
    said = asyncio.run(noting.handle_DATA(cast(SMTP, None), cast(Session, None), envelope))
    assert said == "250 kept"
    assert len(list((tmp_path / "letters").glob("*.eml"))) == 1
    assert noting.yes.keys() == {"one@trust-001.example", "two@trust-002.example"}
    assert len(set(noting.yes.values())) == 1


def test_each_record_is_written_to_a_mailbox_of_its_own_that_the_directory_has() -> None:
    national = Caseload(1.0).shares.national
    known = directory(national.authorities, national.boards)
    boxes = [whole_installation.mailbox(number, request(number, TODAY)) for number in range(2 * TRUSTS)]
    assert len(set(boxes)) == len(boxes)
    assert all(f'"{box}"' in known for box in boxes)


def test_what_does_not_come_is_waited_for_no_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_installation, "PATIENCE", 0.0)
    monkeypatch.setattr("benchmarks.measures.whole_installation.time.sleep", lambda _seconds: None)
    looks = iter([False, False, True])
    monkeypatch.setattr("benchmarks.measures.whole_installation.time.monotonic", lambda: 0.0)
    whole_installation._until(lambda: next(looks))
    assert next(looks, None) is None
    clock = iter(range(10))
    monkeypatch.setattr("benchmarks.measures.whole_installation.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(TimeoutError, match="did not come within 0 s"):
        whole_installation._until(lambda: False)


def test_the_last_line_of_the_other_process_is_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[list[str]] = []

    def answered(command: list[str], **given: Any) -> SimpleNamespace:
        asked_for.append(command)
        assert given["check"] and given["cwd"] == whole_installation.ROOT
        return SimpleNamespace(
            stdout="output of a library\n"
            + json.dumps({whole_installation.RECORD: [0.5, 0.6], whole_installation.EMPTY: [0.1]})
            + "\n"
        )

    monkeypatch.setattr(subprocess, "run", answered)
    measured = whole_installation.measure(tmp_path, 2, 1)
    assert measured == {whole_installation.RECORD: [0.5, 0.6], whole_installation.EMPTY: [0.1]}
    assert asked_for[0][1:] == ["-m", "benchmarks.measures.whole_installation", str(tmp_path), "2", "1"]


def test_a_deployment_is_looked_for_until_prefect_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        """Knows the deployment at the third time of asking."""

        times = 0

        async def read_deployment_by_name(self, name: str) -> SimpleNamespace:
            self.times += 1
            if self.times < 3:
                raise ObjectNotFound(Exception(name))
            return SimpleNamespace(id="the-deployment")

    async def at_once(_seconds: float) -> None:
        return None

    monkeypatch.setattr("benchmarks.measures.whole_installation.asyncio.sleep", at_once)
    client = Client()
    assert asyncio.run(whole_installation._deployment(client)) == "the-deployment"
    assert client.times == 3
    monkeypatch.setattr(whole_installation, "PATIENCE", -1.0)
    with pytest.raises(TimeoutError, match="did not serve"):
        asyncio.run(whole_installation._deployment(Client()))
