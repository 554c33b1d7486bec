"""A row that somebody writes with right hashes, and without the key of the MACs, is named before any checkpoint.

PostgreSQL runs the same list (tests/system/postgres). The person owns the database and has no person.key.
"""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from sqlalchemy import text

from audit.verify import VerifyReport, verify, verify_and_store, verify_since_last
from casework import findings
from casework.context import AppContext
from casework.privacy.lost_key import reset_person_key
from casework.proof.sequencer import continue_log, rotate, sequence
from models import change_log, ledger
from models.append_only import triggers as triggers_of
from models.database import is_postgresql, reading, transact, writing
from models.mac_keys import add_key, mac_acts
from models.macs import DEMANDED, ROTATED, Mac, newest_mac
from models.tables import METADATA
from tests.audit.test_findings import behind_its_back
from tests.support.team import Team

OPENS, AGREED, DRAFT = "ehc_assessment_requested", "assessment_agreed", "draft_plan_received"
DAY, LATER, LAST = "3 Feb 2026", "4 Feb 2026", "5 Feb 2026"


@pytest.fixture
def lived(team: Team) -> Team:
    """Two cases that a checkpoint covers, and a fact and a change since."""
    for case in ("NX90001", "NX90002"):
        team.record("2 Feb 2026", OPENS, case=case, la="northshire")
    sequence(team.context("2 Feb 2026"))
    team.record(DAY, AGREED, case="NX90001")
    assert verify(team.context(DAY)).damage == []
    return team


def named(report: VerifyReport, what: str = "mac") -> list[tuple[str | None, int | None]]:
    return [(each.case_ref, each.seq) for each in report.damage if each.what == what]


def rows(team: Team, query: str) -> list[Any]:
    with reading(team.first.engine) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def quoted(value: Any) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def forge_a_fact(team: Team, case: str, mac: str = "NULL") -> None:
    """Add a fact that fits: right hash, right copies in the case, and its letters come with the next sweep."""
    [(seq, previous, said)] = rows(
        team, f"SELECT seq, hash, text FROM fact WHERE case_ref = '{case}' ORDER BY seq DESC LIMIT 1"
    )
    [(kind, occurred_on, recorded_at, actor)] = rows(
        team, f"SELECT kind, occurred_on, recorded_at, actor FROM fact WHERE case_ref = '{case}' AND seq = {seq}"
    )
    data = said.replace(f'"seq":{seq}', f'"seq":{seq + 1}').replace(f'"kind":"{kind}"', f'"kind":"{DRAFT}"')
    digest = ledger.link(previous, data.encode())
    given = ", ".join(map(quoted, (case, seq + 1, DRAFT, occurred_on, recorded_at, actor, data, previous, digest)))
    behind_its_back(
        team,
        f"INSERT INTO fact VALUES ({given}, {mac}, NULL)",
        f"UPDATE case_file SET seq = {seq + 1}, hash = '{digest}', state = 'draft_plan_received'"
        f" WHERE case_ref = '{case}'",
    )


def forge_a_record(team: Team) -> None:
    """Add a row to the log of looks, with a record of the change log that follows the newest one."""
    with writing(team.first.engine) as connection:
        tail = change_log.newest(connection)
    [(number,)] = rows(team, "SELECT coalesce(max(id), 0) + 1 FROM case_look")
    look = (number, "2026-02-03T10:00:00.000000Z", "NX90002", "sam.lee", "case")
    names = list(METADATA.tables["case_look"].columns.keys())
    row = dict(zip(("id", "at", "case_ref", "actor", "what"), look, strict=True))
    digest = change_log.row_digest(change_log.COVERED["case_look"], [row[name] for name in names])
    record = (tail.number + 1, tail.at, "case_look", f"{number:012d}", "NX90002", digest)
    given = ", ".join(map(quoted, (*record, tail.hash, change_log.link(tail.hash, record))))
    columns = ", ".join(f'"{name}"' for name in names)
    behind_its_back(
        team,
        f"INSERT INTO case_look ({columns}) VALUES ({', '.join(quoted(row[name]) for name in names)})",
        f"INSERT INTO change_log VALUES ({given}, NULL, NULL)",
    )


def test_a_new_installation_demands_a_mac_of_each_row(lived: Team) -> None:
    with reading(lived.first.engine) as connection:
        mac = newest_mac(connection)
        assert mac is not None
        for ref, seq, digest, given, by in connection.exec_driver_sql(
            "SELECT case_ref, seq, hash, mac, acting FROM fact"
        ):
            assert given == mac.of_fact(ref, seq, digest, by)
        for number, digest, given, by in connection.exec_driver_sql("SELECT number, hash, mac, acting FROM change_log"):
            assert given == (mac.of_record(number, digest, by) if number > 1 or given else None)
    assert verify(lived.context(DAY)).macs == "checked"


@pytest.mark.parametrize("mac", ["NULL", "'0123456789abcdef0123456789abcdef'"])
def test_a_fact_that_was_added_with_right_hashes_is_named(lived: Team, mac: str) -> None:
    forge_a_fact(lived, "NX90001", mac)
    assert named(verify(lived.context(DAY))) == [("NX90001", 3)]
    assert named(verify(lived.context(DAY), "NX90001")) == [("NX90001", 3)]
    assert verify(lived.context(DAY), "NX90002").damage == []


def test_a_mac_of_another_row_does_not_serve(lived: Team) -> None:
    [(mac,)] = rows(lived, "SELECT mac FROM fact WHERE case_ref = 'NX90001' AND seq = 2")
    forge_a_fact(lived, "NX90001", f"'{mac}'")
    assert named(verify(lived.context(DAY))) == [("NX90001", 3)]


def test_a_forged_fact_is_named_though_others_were_recorded_after_it(lived: Team) -> None:
    forge_a_fact(lived, "NX90001")
    lived.record(LATER, "final_plan_received", case="NX90001")
    assert named(verify(lived.context(LATER))) == [("NX90001", 3)]


def test_a_forged_fact_is_not_numbered_and_is_found_by_the_sequencer(lived: Team) -> None:
    forge_a_fact(lived, "NX90001")
    lived.record(DAY, AGREED, case="NX90002")
    done = sequence(lived.context(DAY))
    assert done.refused is None and done.added > 0
    with reading(lived.first.engine) as connection:
        found = [(each.what, each.case_ref, each.seq) for each in findings.listed(connection)]
    assert found == [("mac", "NX90001", 3)]
    assert rows(lived, "SELECT seq FROM log_tail WHERE chain = 'NX90001'") == [(2,)]


def test_a_fact_of_today_rewritten_with_right_hashes_and_copies_is_named(lived: Team) -> None:
    [(previous, said)] = rows(lived, "SELECT prev_hash, text FROM fact WHERE case_ref = 'NX90001' AND seq = 2")
    other = said.replace('"dco.team"', '"sam.lee"')
    digest = ledger.link(previous, other.encode())
    behind_its_back(
        lived,
        f"UPDATE fact SET text = {quoted(other)}, hash = '{digest}', actor = 'sam.lee' WHERE case_ref = 'NX90001'"
        " AND seq = 2",
        f"UPDATE case_file SET hash = '{digest}' WHERE case_ref = 'NX90001'",
    )
    assert named(verify(lived.context(DAY))) == [("NX90001", 2)]


def test_the_last_fact_deleted_with_its_copies_is_named_by_the_end_of_the_case(lived: Team) -> None:
    [(digest,)] = rows(lived, "SELECT hash FROM fact WHERE case_ref = 'NX90001' AND seq = 1")
    behind_its_back(
        lived,
        "DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = 2",
        "DELETE FROM notice WHERE case_ref = 'NX90001' AND fact_seq = 2",
        "DELETE FROM duty WHERE case_ref = 'NX90001' AND opened_seq = 2",
        "UPDATE duty SET evaluated_under = 'x'",
        f"UPDATE case_file SET seq = 1, hash = '{digest}', state = 'requested' WHERE case_ref = 'NX90001'",
    )
    assert named(verify(lived.context(DAY))) == [("NX90001", 1)]
    lived.sweep(DAY)  # it writes the row of the case again, and not its MAC
    assert named(verify(lived.context(DAY))) == [("NX90001", 1)]


def test_a_row_and_its_record_added_with_right_hashes_are_named(lived: Team) -> None:
    verify_and_store(lived.context(DAY))
    forge_a_record(lived)
    assert named(verify(lived.context(DAY))) == [("NX90002", None)]
    assert named(verify(lived.context(DAY), "NX90002")) == [("NX90002", None)]
    assert named(verify_since_last(lived.context(DAY))) == [("NX90002", None)]
    lived.record(LATER, AGREED, case="NX90002")
    assert named(verify(lived.context(LATER))) == [("NX90002", None)]


def test_a_forged_record_stops_the_numbers_of_the_change_log_until_a_person_goes_on(lived: Team) -> None:
    sequence(lived.context(DAY))
    forge_a_record(lived)
    context = lived.context(DAY)
    sequence(context)
    [(numbered,)] = rows(lived, "SELECT seq FROM log_tail WHERE chain = 'change_log'")
    [(newest,)] = rows(lived, "SELECT max(number) FROM change_log")
    assert numbered < newest
    assert continue_log(context, "it.oncall", "a trial of the restore").refused is None
    [(numbered,)] = rows(lived, "SELECT seq FROM log_tail WHERE chain = 'change_log'")
    assert numbered > newest
    assert named(verify(context)) == [("NX90002", None)]  # it is still no row of sendflow's


def test_without_person_key_verification_says_that_macs_were_not_checked(lived: Team) -> None:
    forge_a_fact(lived, "NX90001")
    lived.first.engine.dispose()
    (lived.home / "person.key").unlink()
    context = AppContext.load_read_only(lived.first.settings, without_key=True)
    report = verify(context)
    context.engine.dispose()
    assert (report.macs, named(report)) == ("not_checked", [])


def test_the_key_is_replaced_on_the_record_and_older_rows_stay_valid(lived: Team) -> None:
    context = lived.context(DAY)
    with reading(context.engine) as connection:
        before = newest_mac(connection)
    assert rotate(context, "it.oncall", "the machine was replaced").refused is None
    lived.record(LATER, AGREED, case="NX90002")
    with reading(context.engine) as connection:
        acts = [(act.kind, act.actor, act.reason) for act in mac_acts(connection)]
        after = newest_mac(connection)
    assert acts[-1] == (ROTATED, "it.oncall", "the machine was replaced") and before != after
    assert verify(lived.context(LATER)).damage == []
    forge_a_record(lived)
    assert named(verify(lived.context(LATER))) == [("NX90002", None)]


def test_a_transaction_that_is_undone_leaves_no_other_key_in_use(lived: Team) -> None:
    context = lived.context(DAY)

    def renew(connection: Any) -> None:
        add_key(connection, context.cipher, ROTATED, ("it.oncall", "a test"), "2026-02-03T09:00:00.000000Z")
        newest_mac(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transact(context.engine, renew)
    rotate(context, "it.oncall", "the machine was replaced")
    lived.record(LATER, AGREED, case="NX90002")
    assert verify(lived.context(LATER)).damage == []


def test_after_a_lost_person_key_new_rows_have_macs_and_forged_ones_are_named(lived: Team) -> None:
    lived.act(DAY, (AGREED, DAY, {}), case="NX90002")
    lived.record(DAY, OPENS, case="NX90003", la="northshire", nhs_number="999 000 0018")
    lived.first.engine.dispose()
    settings = lived.first.settings
    (lived.home / "person.key").unlink()
    assert reset_person_key(settings, "it.oncall", lived.context(LATER).now(), really=True).given_up
    again = AppContext.load(settings)
    lived.first, lived._contexts = again, {}
    lived.record(LATER, DRAFT, case="NX90002")
    assert verify(lived.context(LATER)).damage == []
    forge_a_fact(lived, "NX90001")
    assert named(verify(lived.context(LATER))) == [("NX90001", 3)]


def test_what_an_earlier_version_recorded_is_taken_as_it_is_and_later_rows_have_macs(team: Team) -> None:
    engine = team.first.engine
    with writing(engine) as connection:
        triggers = (
            () if is_postgresql(connection) else ("mac_key_no_delete", "acting_no_delete", "change_log_no_delete")
        )
        for name in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        if not triggers:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("DELETE FROM mac_key")
        connection.exec_driver_sql("DELETE FROM acting")
        connection.exec_driver_sql("DELETE FROM change_log WHERE subject IN ('mac_key', 'acting')")
    with writing(engine) as connection:
        for name in triggers:
            connection.exec_driver_sql(triggers_of("sqlite")[name])
    team.record("2 Feb 2026", OPENS, case="NX90001", la="northshire")
    assert rows(team, "SELECT DISTINCT mac FROM fact") == [(None,)]
    before = verify(team.context("2 Feb 2026"))
    sequence(team.context("2 Feb 2026"))
    sequence(team.context(LATER))  # on a server it demands them later than any transaction of before may last
    team.record(LATER, AGREED, case="NX90001")
    after = verify(team.context(LATER))
    assert (before.macs, after.macs, after.damage) == ("not_begun", "checked", [])
    with reading(engine) as connection:
        assert [act.kind for act in mac_acts(connection)] == ["begun", DEMANDED]
    forge_a_fact(team, "NX90001")
    assert named(verify(team.context(LATER))) == [("NX90001", 3)]


def test_each_sort_of_row_has_macs_of_its_own() -> None:
    mac, other = Mac(b"k" * 32), Mac(b"j" * 32)
    made = {mac.of_fact("NX1", 1, "a", None), mac.of_end("NX1", 1, "a"), mac.of_record(1, "a", None)}
    made |= {mac.of_fact("NX1", 1, "a", 2), mac.of_record(1, "a", 2), other.of_record(1, "a", 2)}
    assert len(made) == 6


def test_each_mac_is_the_first_half_of_hmac_sha256() -> None:
    """Rows of every earlier version have these."""
    mac = Mac(b"k" * 32)
    for seq in (1, 2):
        expected = hmac.digest(b"k" * 32, f"fact NX1 {seq} a 7".encode(), "sha256").hex()[:32]
        assert mac.of_fact("NX1", seq, "a", 7) == expected
