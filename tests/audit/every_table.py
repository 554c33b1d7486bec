"""An installation with rows in every table, by the product's own acts."""

from __future__ import annotations

from datetime import UTC, datetime

from pyotp import TOTP
from sqlalchemy import Connection, select

from casework import findings, to_decide, webhooks
from casework.access import accounts, api_tokens, calendar_addresses, factors, limits, sessions, single_sign_on
from casework.access.api_answers import Once
from casework.access.identity_provider import SignedOut
from casework.context import AppContext, instant
from casework.delivery import account_links, receipt_rows, transport_state
from casework.delivery.daily_digest import digest
from casework.imports import staged
from casework.imports.tracker_import import import_file
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from casework.owners import assign
from casework.privacy.access import read_person
from casework.privacy.case_looks import note_look
from casework.privacy.erasure import Ground
from casework.proof.cosignatures import store
from casework.proof.sequencer import sequence
from casework.replies.answers import Reply
from casework.replies.give import give
from casework.replies.links import link_to_duty, store_links, token_of
from casework.replies.record import Asked
from casework.retention_holds import begin_hold, end_hold
from casework.rule_packs import adopt
from casework.saved_views import save_view
from config.settings import Settings
from models.aliases import insert_aliases
from models.answers import Answer
from models.database import reading, transact, writing
from models.signed_note import COSIGNATURE, SigningKey, parse_note
from models.tables import LETTER, METADATA
from notifications.outbox import LeasedLetter
from notifications.transport import Attempt, Outcome, Receipt
from tests.casework.mailbox.samples import reply
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack
from tests.support.by_hand import PAEDS, SALT, TRUST, day
from tests.support.erasing import erase
from tests.support.mail_server import SERVICE
from tests.support.team import Team
from tests.support.trackers import FILES

NEIGHBOUR = SigningKey("neighbour.example/w1", COSIGNATURE, b"n" * 32)
OPENS = "ehc_assessment_requested"


def _request(team: Team) -> int:
    return next(fact.seq for fact in team.lines("NX90001") if fact.data.get("service") == SALT)


def _import(context: AppContext) -> None:
    """A tracker that was imported, and one that waits."""
    import_file(context, FILES / "plain.csv")
    save_view(context, "dco.team", "Late", {"show": "late"})
    staged.stage(context, (FILES / "plain.csv").read_bytes(), "dco.team", datetime.now(UTC))


def filled_team(team: Team) -> Team:
    """Two cases of one child with letters, free text and an access; an imported tracker; an erased child; a digest."""
    for case, number in (("NX90001", "999 000 0018"), ("NX90002", "999 000 0018"), ("NX90003", "999 123 4500")):
        team.record("2 Feb 2026", OPENS, case=case, la="northshire", la_reference="NS-04412", nhs_number=number)
    team.asked("2 Mar 2026", SALT, body=TRUST, note="The parents rang.")
    team.asked("2 Mar 2026", PAEDS, body=TRUST)
    for when in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.day(when)
    context = team.context("14 Apr 2026")
    digest(context, transport=team.post)
    _import(context)
    with writing(context.engine) as connection:
        insert_aliases(connection, context.cipher, {"the green file": "NX90001"})
        token = sessions.create_link(connection, "dco.team", datetime.now(UTC))
        sessions.redeem(connection, token, datetime.now(UTC))
        accounts.change_role(connection, "dco.team", "dco", "", "sam.lee")
        accounts.set_password(connection, "dco.team", accounts.digest_for("dco.team", "four plain words today"))
        limits.take(connection, context.cipher, limits.PASSWORD, "dco.team", datetime.now(UTC))
        account_links.ask_for_invitation(connection, "dco.team", "dco@icb.example", "sam.lee")
        key = factors.begin_setup(connection, context.cipher, "dco.team").key
        factors.confirm(connection, context.cipher, "dco.team", TOTP(key).now())
        _by_single_sign_on(connection)
    asked = Asked("NX90001", "ehc_body_advice_respond", _request(team), TRUST, SALT, "service")
    link = link_to_duty(asked, "salt@trust.example", "a notice")
    with writing(context.engine) as connection:
        store_links(connection, context.cipher, [link], context.now())
    give(context, token_of(context.cipher, link), [(asked, Reply(Answer.RECEIVED, recipient="service"))])
    mail = reply("EXPECTED NX90001 30 April 2026", SERVICE, team.post.letters[0].message_id)
    receive(context, Fetched("dco@imap.example/INBOX/1/1", "1", mail, len(mail)), AllNames(context))
    for _ in range(150):  # so that the log has a full block of 256 leaves
        note_look(context, "NX90001", "dco.team", "case")
    read_person(context, "NX90001", "dco.team", "contact")
    assign(context, "NX90001", "admin.team", "dco.team")
    item = to_decide.Item(to_decide.REFUSED_ROW, "a key", {"file": "x", "line": 4, "problems": [["Ref", "missing"]]})
    with writing(context.engine) as connection:
        to_decide.store(connection, [item], instant(context.now()), "dco.team")
        found = to_decide.waiting(context, connection)
    to_decide.answer(context, found[-1].number, "dco.team", "not_ours")
    _erased_and_held(context)
    findings.store(context, "verify", [findings.Found("NX90001", 1, "column", "the column kind of fact 1 differs")])
    findings.close(context, [1], "dco.team", "a test of the alarm", understood=True)
    _called_by_a_program(context)
    _sent_by_notify(team.context("14 Apr 2026"))
    _adopt_a_pack(team)
    team.record("15 Apr 2026", "health_advice_requested", body=TRUST, service="physiotherapy")
    for kind in ("case_linked", "case_unlinked"):
        team.record("15 Apr 2026", kind, case="NX90002", to_case="NX90001", role="follows")
    team.day("15 Apr 2026")
    digest(team.context("15 Apr 2026"), transport=team.post)
    checkpoint = sequence(team.context("15 Apr 2026")).checkpoint
    assert checkpoint is not None
    text = parse_note(checkpoint.note).text
    signed = (checkpoint.number, NEIGHBOUR.public(), NEIGHBOUR.line(text, 1_776_240_000))
    transact(team.first.engine, lambda connection: store(connection, *signed))
    _since_the_last_checkpoint(team)
    return team


def _by_single_sign_on(connection: Connection) -> None:
    person = single_sign_on.AccountIdentity("dco.team", "https://login.icb.example/tenant/v2.0", "a-subject")
    single_sign_on.identify(connection, person, "sam.lee", datetime.now(UTC))
    single_sign_on.begin_attempt(connection, datetime.now(UTC))
    single_sign_on.sign_out(connection, SignedOut(person.issuer, "a-token", session="of-nobody"), datetime.now(UTC))


def _since_the_last_checkpoint(team: Team) -> None:
    team.record("15 Apr 2026", OPENS, case="NX90004", la="northshire")
    team.record("15 Apr 2026", "assessment_agreed", case="NX90004")
    note_look(team.context("15 Apr 2026"), "NX90004", "dco.team", "case")
    with reading(team.first.engine) as connection:
        for table in METADATA.tables:
            assert connection.exec_driver_sql(f"SELECT 1 FROM {table}").first() is not None, table


def _erased_and_held(context: AppContext) -> None:
    """An erased child, and a hold that has ended."""
    erase(context, "NX90003", "dco.team", Ground.ENTERED_IN_ERROR)
    end_hold(context, begin_hold(context, "NX90001", "complaint", "dco.team").number, "dco.team")


def _called_by_a_program(context: AppContext) -> None:
    calendar_addresses.make(context, "QX101", "dco.team")
    api_tokens.make(context, "dco.team", ["case"], 30, "sam.lee")
    webhooks.make(context, "https://case.northshire.example/hooks", "", "sam.lee")
    with writing(context.engine) as connection:
        Once(context.cipher, "dco.team", "a key", b"a request").end(connection, 201, {"case_ref": "NX90001"})


def _sent_by_notify(context: AppContext) -> None:
    """What a transport that reports later leaves behind: here of a letter that left by another one."""
    with writing(context.engine) as connection:
        row = connection.execute(select(LETTER).where(LETTER.c.state == "sent").limit(1)).one()
        letter = LeasedLetter(row.id, row.mailbox, row.on, row.template, 1, {}, row.message_id, [], False)
        receipt_rows.insert(context, connection, letter, Receipt("an-id-of-notify", 3, True))
        transport_state.note(connection, "notify", Attempt(Outcome.UNREACHABLE, "notify_error"), context.now())


def _adopt_a_pack(team: Team) -> None:
    """Adopt a pack, and go on as a program that is started after it."""
    brought = pack(team.home.parent / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    adopt(team.context("14 Apr 2026"), brought, "sam.lee")
    team.first.engine.dispose()
    given = team.first.settings
    team.first = AppContext.load(Settings(home=team.home, today=day("15 Apr 2026"), database_url=given.database_url))
    team._contexts.clear()
