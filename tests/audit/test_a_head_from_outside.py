"""`sendflow verify --head H --before T` compares a head from a digest, and so finds a past that was rewritten whole.

PostgreSQL runs the same list (tests/system/postgres).
"""

from __future__ import annotations

import json
from functools import partial
from itertools import groupby
from operator import itemgetter
from shutil import rmtree

import pytest
from sqlalchemy import select

from casework import published_heads
from casework.proof import published_log
from models import ledger
from models.change_log import line_before, log_keys
from models.checkpoints import Checkpoint, Heads, checkpoints
from models.database import reading, writing
from models.macs import newest_mac
from models.tables import CHECKPOINT, FACT
from tests.audit.test_findings import behind_its_back, command, lived, open_findings
from tests.support.team import Team

TODAY = "14 Apr 2026"
LOG_TABLES = ("log_leaf", "log_block", "log_tail", "log_checkpoint")
__all__ = ["lived"]


@pytest.fixture
def heads(lived: Team) -> list[Checkpoint]:
    """The heads of two digests, as their readers have them."""
    with reading(lived.first.engine) as connection:
        return checkpoints(connection)


def rewrite_the_past(team: Team) -> None:
    """Rewrite a case from its first fact, and then each copy, head, record and MAC that would show it.

    The person has person.key too, and so the key of the MACs.
    """
    with reading(team.first.engine) as connection:
        chosen = FACT.c.case_ref == "NX90002"
        mac = newest_mac(connection)
        facts = connection.execute(
            select(FACT.c.seq, FACT.c.text, FACT.c.acting).where(chosen).order_by(FACT.c.seq)
        ).all()
    assert mac is not None
    previous, statements = "0" * 64, []
    for seq, text, by in facts:
        forged = text.replace("dco.team", "dco.teem").replace("'", "''")
        link = ledger.link(previous, forged.encode())
        statements.append(
            f"UPDATE fact SET text = '{forged}', hash = '{link}', prev_hash = '{previous}',"
            f" actor = replace(actor, 'dco.team', 'dco.teem'), mac = '{mac.of_fact('NX90002', seq, link, by)}'"
            f" WHERE case_ref = 'NX90002' AND seq = {seq}"
        )
        previous = link
    end = mac.of_end("NX90002", facts[-1].seq, previous)
    statements.append(f"UPDATE case_file SET hash = '{previous}', mac = '{end}' WHERE case_ref = 'NX90002'")
    behind_its_back(team, *statements)
    with reading(team.first.engine) as connection:
        now = Heads(checkpoints(connection))
        rows = connection.execute(select(FACT).order_by(FACT.c.case_ref, FACT.c.seq)).all()
        for ref, some in groupby(rows, itemgetter(0)):
            now.add(ref, [(row.seq, row.recorded_at, row.hash) for row in some])
        changed = [after for _before, after in now.differences(partial(line_before, connection))]
    behind_its_back(
        team, *(f"UPDATE anchor SET head = '{each.head}' WHERE before = '{each.before}'" for each in changed)
    )
    with writing(team.first.engine) as connection:
        log_keys(connection, CHECKPOINT, [each.before for each in changed], "2026-04-14T09:00:00.000000Z")


def test_each_head_that_left_matches(lived: Team, heads: list[Checkpoint]) -> None:
    assert len(heads) == 2
    for each in heads:
        done = command(lived, TODAY, "verify", "--head", each.head, "--before", each.before)
        assert (done.exit_code, "matches the database, which has 2 cases" in done.stdout) == (0, True), done.output
    found = json.loads(
        command(lived, TODAY, "verify", "--head", heads[0].head.upper(), "--before", heads[0].before, "--json").stdout
    )
    assert found["published"] == {
        "head": heads[0].head,
        "before": heads[0].before,
        "now": heads[0].head,
        "matches": True,
        "cases": heads[0].cases,
        "facts": heads[0].facts,
    }


def test_a_past_that_was_rewritten_whole_is_found_by_a_head_that_left_and_by_nothing_else(
    lived: Team, heads: list[Checkpoint]
) -> None:
    rewrite_the_past(lived)
    (lived.home / published_heads.FILE).unlink()
    behind_its_back(lived, *(f"DELETE FROM {table}" for table in LOG_TABLES))
    rmtree(lived.home / published_log.FOLDER)
    assert command(lived, TODAY, "verify").exit_code == 0
    for each in heads:
        done = command(lived, TODAY, "verify", "--head", each.head, "--before", each.before)
        assert done.exit_code == 1
        assert f"{each.before} DIFFERS from the database" in done.stdout
        assert "what was recorded before that instant is altered or missing, or the instant is another" in done.stdout


def test_the_heads_beside_the_database_find_it_too(lived: Team, heads: list[Checkpoint]) -> None:
    assert published_heads.published(lived.home) == heads
    rewrite_the_past(lived)
    assert [each.what for each in lived.verify(TODAY).damage] == [published_heads.OLDER, "log"]


def test_a_head_that_was_mistyped_is_said_and_is_no_finding_of_the_database(
    lived: Team, heads: list[Checkpoint]
) -> None:
    other = ("0" if heads[0].head[0] != "0" else "1") + heads[0].head[1:]
    done = command(lived, TODAY, "verify", "--head", other, "--before", heads[0].before)
    assert (done.exit_code, "DIFFERS" in done.stdout) == (1, True)
    assert open_findings(lived) == []
    assert command(lived, TODAY, "verify").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--head", "a" * 64), "--head and --before go together"),
        (("--before", "2026-04-14T06:00:00.000000Z"), "--head and --before go together"),
        (("NX90001", "--head", "a" * 64, "--before", "2026-04-14T06:00:00.000000Z"), "without a case"),
        (("--head", "a" * 16, "--before", "2026-04-14T06:00:00.000000Z"), "A head has 64 digits and letters"),
        (("--head", "a" * 64, "--before", "2026-04-14T06:00:00"), "an instant has a zone"),
        (("--head", "a" * 64, "--before", "yesterday"), "--before:"),
    ],
)
def test_a_head_that_cannot_be_compared_is_a_wrong_call(lived: Team, words: tuple[str, ...], said: str) -> None:
    done = command(lived, TODAY, "verify", *words)
    assert (done.exit_code, done.stdout, said in done.stderr) == (2, "", True), done.stderr
