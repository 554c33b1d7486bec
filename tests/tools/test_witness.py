"""Two witnesses cosign what only grew, and refuse everything else; what they sign is stored and leaves."""

from __future__ import annotations

import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.proof import cosignatures
from casework.proof.leaves import checkpoints
from casework.proof.sequencer import sequence
from models.database import reading
from models.merkle import leaf_hash, tree_of
from models.signed_note import COSIGNATURE, ED25519, ML_DSA, Checkpoint, SigningKey, parse_verifier_key, sign, verified
from runtime.diagnostics.log_checks import log
from tests.support.team import Team
from tools.witness import Witness, serve, write_archive

LOG = SigningKey("sendflow-test", ED25519, b"l" * 32)
TREE = tree_of([leaf_hash(str(number).encode()) for number in range(20)])


def note(size: int, key: SigningKey = LOG, root: bytes | None = None) -> str:
    return sign(Checkpoint(key.name, size, root or TREE.root(size)), [key], 0)


def request(old: int, size: int, **given: object) -> str:
    proof = [b64encode(each).decode() for each in TREE.consistency(old, size)] if 0 < old <= size else []
    return "\n".join([f"old {old}", *proof]) + "\n\n" + note(size, **given)  # type: ignore[arg-type]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "w", "witness.example/w1", [LOG.public()])


def test_a_witness_signs_with_both_its_keys_what_only_grew(witness: Witness) -> None:
    public = [key.public() for key in witness.keys]
    assert [key.kind for key in public] == [COSIGNATURE, ML_DSA]
    for old, size in ((0, 3), (3, 8), (8, 8), (8, 20)):
        answer = witness.add_checkpoint(request(old, size))
        assert answer.status == 200
        assert verified(note(size) + answer.body, public) == (Checkpoint(LOG.name, size, TREE.root(size)), public)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (request(3, 8), 409),
        (request(8, 3), 400),
        (request(5, 8, root=b"x" * 32), 422),
        (request(5, 5, root=b"x" * 32), 422),
        (request(5, 8, key=SigningKey("another", ED25519, b"l" * 32)), 404),
        (request(5, 8, key=SigningKey(LOG.name, ED25519, b"m" * 32)), 403),
        (request(5, 8).replace("old 5\n", "old 5\nAAAA\n"), 400),
        (request(5, 8).replace("old 5", "old 05"), 400),
        ("old 5\n\n" + note(8), 422),
        ("", 400),
        ("old 5\n" * 10_000, 400),
    ],
)
def test_a_witness_refuses_with_the_status_of_the_standard_and_goes_on(
    witness: Witness, body: str, status: int
) -> None:
    assert witness.add_checkpoint(request(0, 5)).status == 200
    answer = witness.add_checkpoint(body)
    assert answer.status == status
    assert (answer.body, answer.kind) == ("5\n", "text/x.tlog.size") if status == 409 else answer.body == ""
    assert witness.add_checkpoint(request(5, 8)).status == 200


def test_a_witness_remembers_over_a_new_start(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(request(0, 5))
    again = Witness(tmp_path / "w", "witness.example/w1", [LOG.public()])
    assert again.keys == witness.keys
    assert again.add_checkpoint(request(0, 3)).status == 409
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def neighbours(team: Team, tmp_path: Path) -> Iterator[list[Witness]]:
    """Two witnesses that answer on this machine, named in the installation."""
    team.record("2 Feb 2026", "ehc_assessment_requested", case="NX90001", la="northshire")
    sequence(team.context("2 Feb 2026"))
    with reading(team.first.engine) as connection:
        vkeys = connection.exec_driver_sql("SELECT keys FROM log_act").scalar() or ""
    logs = [parse_verifier_key(line) for line in vkeys.splitlines()]
    made = [Witness(tmp_path / name, f"{name}.example", logs) for name in ("icb", "audit")]
    servers = [serve(each, "127.0.0.1", 0) for each in made]
    threads = [threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}) for each in servers]
    lines = ["# who signs with us"]
    for each, server, thread in zip(made, servers, threads, strict=True):
        thread.start()
        lines.append(f"{each.keys[0].public()} http://127.0.0.1:{server.server_address[1]}/")
    (team.home / "witnesses").write_text("\n".join(lines) + "\n", "utf-8")
    yield made
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def test_two_witnesses_sign_each_checkpoint_and_their_lines_leave(team: Team, neighbours: list[Witness]) -> None:
    for today, kind in (("3 Feb 2026", "assessment_agreed"), ("4 Feb 2026", "draft_plan_received")):
        team.record(today, kind, case="NX90001")
        done = sequence(team.context(today)).checkpoint
        assert done is not None
        with reading(team.first.engine) as connection:
            lines = cosignatures.of_checkpoint(connection, done.number)
        keys = [each.keys[0].public() for each in neighbours]
        whole = (team.home / "log" / "checkpoint").read_text("utf-8")
        assert len(lines) == 2 and verified(whole, keys)[1] == keys
    assert team.verify("4 Feb 2026").damage == []
    context = team.context("4 Feb 2026")
    with reading(context.engine) as connection:
        assert list(log(context, connection, context.today())) == []


def test_a_witness_that_was_away_catches_up_and_a_silent_one_is_named(team: Team, neighbours: list[Witness]) -> None:
    file = team.home / "witnesses"
    named = file.read_text("utf-8")
    key = neighbours[0].keys[0].public()
    file.write_text(f"{key} http://127.0.0.1:9/\n", "utf-8")  # nobody answers there
    team.record("3 Feb 2026", "assessment_agreed", case="NX90001")
    assert sequence(team.context("3 Feb 2026")).refused is None
    context = team.context("3 Feb 2026")
    with reading(context.engine) as connection:
        assert [each.what for each in log(context, connection, context.today())] == ["log_witness"]
        assert len(checkpoints(connection)) == 2
    file.write_text(named, "utf-8")
    sequence(team.context("3 Feb 2026"))
    with reading(context.engine) as connection:
        assert len(cosignatures.of_checkpoint(connection, 2)) == 2
    file.write_text("something else\n", "utf-8")
    with reading(context.engine) as connection:
        assert [each.what for each in log(context, connection, context.today())] == ["log_witness"]


def test_the_program_is_one_file_that_runs_without_sendflow(tmp_path: Path) -> None:
    write_archive(tmp_path / "witness.pyz")
    words = [sys.executable, "-I", str(tmp_path / "witness.pyz"), str(tmp_path / "w"), "--name", "w", "--log", "wrong"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "a verifier key has a name" in done.stderr
