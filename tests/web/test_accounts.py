"""Ways in: links by e-mail, the second factor, limits, and the ends of sessions, by the pages."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyotp import TOTP
from sqlalchemy import event, select, update

from casework.access import accounts, factors, limits, passwords, sessions
from casework.context import AppContext
from casework.delivery import account_links
from casework.privacy.case_looks import note_looks
from config.directory import DEFAULT as DEFAULT_DIRECTORY
from config.settings import Carrier, Settings
from models.database import reading, transact
from models.tables import ACCOUNT_MAIL, ACCOUNT_MAILBOX, ATTEMPT, SIGN_IN_LINK
from tests.support.by_hand import CASE
from tests.support.team import RecordingTransport, Team, ready
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web.installation import Installation
from web.labels import looked_at

WORDS = "three green bicycles"
MAILBOX = "sam.lee@icb.example"
STEP = 59_000_000


@pytest.fixture
def place(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation with one case, a DCO, an administrator and a person called sam.lee."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.digest_of_nobody.cache_clear()
    team.opened("2 Feb 2026")
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    for name, role in (("dco.team", "dco"), ("admin.team", "administrator"), ("sam.lee", "dco")):
        transact(context.engine, partial(accounts.change_role, account=name, role=role, scope="", actor="test"))
    installation = Installation(context.settings)
    yield installation
    installation.close()


@pytest.fixture
def strict(place: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The same, and a DCO must have a second factor. The half minute does not end meanwhile."""
    monkeypatch.setattr(factors, "present_step", lambda: STEP)
    place._context = replace(place._context, settings=replace(place._context.settings, second_factor=("dco",)))
    return place


def letters(place: Installation) -> list[Any]:
    """Every e-mail that left, by the time of its file."""
    files = sorted(place.context().settings.letters.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def link_in(mail: Any) -> str:
    found = re.search(r"/start\?token=([A-Za-z0-9_-]{43})", mail.get_body(("plain",)).get_content())
    assert found is not None
    return found[1]


def post(person: Browser, page: str, path: str | None = None, **values: str) -> Any:
    """Send the first form of a page."""
    return person.post(path or page, data={**fields(person.get(page).text), **values})


def give_password(place: Installation, account: str) -> None:
    digest = accounts.digest_for(account, WORDS)
    transact(place.context().engine, lambda each: accounts.set_password(each, account, digest))


def by_password(place: Installation, account: str, password: str = WORDS) -> Any:
    person = browser_of(place)
    return person, post(person, "/sign-in", account=account, password=password)


def test_an_invited_person_opens_the_link_once_and_chooses_a_password(place: Installation) -> None:
    admin = browser_of(place).sign_in("admin.team")
    answer = post(admin, "/people", "/people/invite", account="sam.lee", mailbox=MAILBOX)
    assert "A link is on its way" in answer.text and "token=" not in answer.text
    [mail] = letters(place)
    token = link_in(mail)
    assert mail["to"] == MAILBOX and "72 hours" in mail.get_body(("plain",)).get_content()
    assert CASE not in str(mail)
    person = browser_of(place)
    for _scanner in range(3):  # which opens every link and presses no button
        assert browser_of(place).get("/start", params={"token": token}).status_code == 200
    answer = person.post("/start", data=fields(person.get("/start", params={"token": token}).text))
    assert answer.url.path == "/password"
    assert "is stored" in post(person, "/password", password=WORDS, again=WORDS).text
    assert by_password(place, "sam.lee")[1].url.path == "/today"
    second = browser_of(place)
    assert second.get("/start", params={"token": token}).status_code == 403
    assert "does not work" in post(second, "/sign-in", "/start", link=token).text


def test_a_link_is_in_the_database_by_its_digest_only(place: Installation) -> None:
    admin = browser_of(place).sign_in("admin.team")
    post(admin, "/people", "/people/invite", account="sam.lee", mailbox=MAILBOX)
    token = link_in(letters(place)[0])
    home = place.context().settings.home
    assert not any(token.encode() in file.read_bytes() for file in home.glob("sendflow.db*"))


@pytest.mark.parametrize(("kind", "hours"), [(account_links.Kind.INVITATION, 72), (account_links.Kind.RESET, 1)])
def test_a_link_ends_after_its_time(place: Installation, kind: account_links.Kind, hours: int) -> None:
    context, box = place.context(), RecordingTransport()
    transact(context.engine, lambda each: account_links.set_mailbox(each, "sam.lee", MAILBOX, "test"))
    transact(context.engine, lambda each: account_links.ask_for_link(each, "sam.lee", kind, "test"))
    assert account_links.send_waiting(context, box) == 1
    with reading(context.engine) as connection:
        [row] = connection.execute(select(SIGN_IN_LINK).where(SIGN_IN_LINK.c.account == "sam.lee")).all()
    lasts = datetime.fromisoformat(row.expires_at) - datetime.fromisoformat(row.created_at)
    assert lasts == timedelta(hours=hours)


def test_a_name_that_is_no_account_gets_the_same_answer_by_the_same_work(place: Installation) -> None:
    context = place.context()
    transact(context.engine, lambda each: account_links.set_mailbox(each, "sam.lee", MAILBOX, "test"))
    statements: list[str] = []
    listen = lambda *given: statements.append(re.sub(r"\s+", " ", given[2]))  # noqa: E731
    event.listen(context.engine, "before_cursor_execute", listen)
    said, done = [], []
    for name in ("sam.lee", "no.body", "Ann Other 999 000 0018"):
        person = browser_of(place)
        statements.clear()
        with reading(context.engine) as connection:  # before the e-mail, which leaves after the answer
            before = len(connection.execute(select(ACCOUNT_MAIL)).all())
        page = post(person, "/reset", account=name).text
        said.append(re.sub(r'nonce="[^"]+"|value="[0-9a-f]{32}"', "", page))
        with reading(context.engine) as connection:
            done.append(len(connection.execute(select(ACCOUNT_MAIL)).all()) - before)
    event.remove(context.engine, "before_cursor_execute", listen)
    assert len(set(said)) == 1 and done == [1, 1, 1]
    assert [mail["to"] for mail in letters(place)] == [MAILBOX]
    stored = b"".join(file.read_bytes() for file in context.settings.home.glob("sendflow.db*"))
    assert b"ann other" not in stored.lower() and b"999 000 0018" not in stored


def test_the_account_of_a_body_gets_its_links_by_the_transport_of_that_body(tmp_path: Path) -> None:
    text = DEFAULT_DIRECTORY.read_text("utf-8")
    lead = 'send_lead = "send.lead@northshire-community.example"\n'
    home = ready(tmp_path / "var")
    (home / "directory.toml").write_text(text.replace(lead, f'{lead}letters = {{ transport = "file" }}\n'), "utf-8")
    context = AppContext.load(Settings(home=home, carrier=Carrier.SMTP, smtp_host="127.0.0.1", smtp_port=1))
    transact(context.engine, context.keep_time)
    for account, body in (("trust.desk", "QX101"), ("another.desk", "QX102")):
        role = partial(accounts.change_role, account=account, role="provider", scope=body, actor="test")
        transact(context.engine, role)
        box = f"{account}@trust.example"
        transact(context.engine, partial(account_links.ask_for_invitation, account=account, mailbox=box, actor="test"))
    assert account_links.send_waiting(context) == 1, "the mail server of the others does not answer"
    (letter,) = (home / "letters").rglob("*.eml")
    assert b"trust.desk@trust.example" in letter.read_bytes()
    context.engine.dispose()


def test_a_link_can_be_asked_for_three_times_an_hour(place: Installation) -> None:
    context = place.context()
    transact(context.engine, lambda each: account_links.set_mailbox(each, "sam.lee", MAILBOX, "test"))
    for _time in range(5):
        assert "Look at your e-mails" in post(browser_of(place), "/reset", account="sam.lee").text
    assert len(letters(place)) == 3


def test_an_e_mail_that_the_server_does_not_take_waits_and_its_link_is_void(place: Installation) -> None:
    context, box = place.context(), RecordingTransport()
    box.down = True
    transact(context.engine, lambda each: account_links.ask_for_invitation(each, "sam.lee", MAILBOX, "test"))
    assert account_links.any_waiting(context)
    assert account_links.send_waiting(context, box) == 0
    assert not account_links.any_waiting(context), "the next attempt is in five minutes"
    with reading(context.engine) as connection:
        assert connection.execute(select(SIGN_IN_LINK).where(SIGN_IN_LINK.c.account == "sam.lee")).first() is None
    box.down = False
    transact(context.engine, lambda each: each.execute(update(ACCOUNT_MAIL).values(claimed_at="2026-01-01")))
    assert account_links.send_waiting(context, box) == 1
    assert account_links.send_waiting(context, box) == 0
    assert [letter.mailbox for letter in box.letters] == [MAILBOX]


def test_no_link_goes_to_a_mailbox_that_somebody_put_into_the_database(place: Installation) -> None:
    context, box = place.context(), RecordingTransport()
    transact(context.engine, lambda each: account_links.ask_for_invitation(each, "sam.lee", MAILBOX, "test"))
    file = sqlite3.connect(context.settings.records)
    with file:
        file.execute("UPDATE account_mailbox SET mailbox = 'thief@evil.example'")
    file.close()
    assert account_links.send_waiting(context, box) == 0
    assert box.letters == []
    with reading(context.engine) as connection:
        assert connection.scalar(select(ACCOUNT_MAIL.c.outcome)) == "altered"


@pytest.mark.parametrize("wrong", ["", "sam", "sam@icb", "a b@icb.example", "x@icb.example\nBcc: y@z.example"])
def test_a_mailbox_that_is_none_is_refused(place: Installation, wrong: str) -> None:
    admin = browser_of(place).sign_in("admin.team")
    assert post(admin, "/people", "/people/invite", account="sam.lee", mailbox=wrong).status_code == 400
    with reading(place.context().engine) as connection:
        assert connection.execute(select(ACCOUNT_MAILBOX)).first() is None


def key_on(page: str) -> str:
    """The key of the second factor, which the page shows in groups of four."""
    return re.sub(r"<[^>]+>| ", "", page.partition("Key: ")[2].partition("</code>")[0])


def set_up(place: Installation, account: str = "dco.team") -> tuple[Browser, TOTP, list[str]]:
    """A person who set the second factor up, with the app and the recovery codes."""
    person = browser_of(place)
    token = transact(place.context().engine, lambda each: sessions.create_link(each, account, datetime.now(UTC)))
    page = person.get("/sign-in", params={"token": token})
    app = TOTP(key_on(page.text))
    shown = person.post("/second-factor", data={**fields(page.text), "code": now(app)}).text
    return person, app, re.findall(r"<code>((?:[a-z0-9]{4}-){3}[a-z0-9]{4})</code>", shown)


def now(app: TOTP) -> str:
    return str(app.generate_otp(STEP))


def later(app: TOTP) -> str:
    """The code of half a minute later, which counts too."""
    return str(app.generate_otp(STEP + 1))


def test_a_role_that_must_have_a_second_factor_sets_it_up_before_anything_else(strict: Installation) -> None:
    person = browser_of(strict).sign_in("dco.team")
    for path in ("/", "/today", f"/cases/{CASE}", "/password"):
        assert person.get(path).url.path == "/second-factor"
    page = person.get("/second-factor").text
    assert "Set up your second factor" in page and 'src="data:image/svg+xml' in page
    person, _app, codes = set_up(strict)
    assert len(set(codes)) == 10
    assert person.get("/today").status_code == 200


def test_a_password_alone_opens_nothing_once_there_is_a_second_factor(strict: Installation) -> None:
    _person, app, codes = set_up(strict)
    give_password(strict, "dco.team")
    person, answer = by_password(strict, "dco.team")
    assert answer.url.path == "/second-factor" and person.get("/today").url.path == "/second-factor"
    assert "code is wrong" in post(person, "/second-factor", code="000000").text
    assert "code is wrong" in post(person, "/second-factor", code=now(app)).text, "it confirmed the setup already"
    before = person.cookies["sendflow_session"]
    assert post(person, "/second-factor", code=later(app)).url.path == "/today"
    assert person.cookies["sendflow_session"] != before
    other, _answer = by_password(strict, "dco.team")
    assert "code is wrong" in post(other, "/second-factor", code=later(app)).text, "each code opens once"
    assert post(other, "/second-factor", code=codes[0].upper()).url.path == "/today"
    third, _answer = by_password(strict, "dco.team")
    assert "code is wrong" in post(third, "/second-factor", code=codes[0]).text, "each recovery code opens once"
    other.cookies.clear()
    other.cookies.set("sendflow_session", before)
    assert other.get("/today").status_code == 401, "the session before the code has ended"


def test_a_link_asks_for_the_code_too(strict: Installation) -> None:
    set_up(strict)
    person = browser_of(strict).sign_in("dco.team")
    assert "authenticator app shows" in person.get("/today").text
    half = person.cookies["sendflow_session"]
    with reading(strict.context().engine) as connection:
        assert sessions.find_session(connection, half, datetime.now(UTC)) is None, "the Prefect UI asks like this"


def test_five_wrong_codes_lock_the_second_factor_for_every_process(strict: Installation) -> None:
    _person, _app, codes = set_up(strict)
    person = browser_of(strict).sign_in("dco.team")
    for _attempt in range(5):
        assert post(person, "/second-factor", code="000000").status_code == 403
    second = Installation(strict.context().settings)
    other = browser_of(second).sign_in("dco.team")
    assert post(other, "/second-factor", code=codes[0]).status_code == 429
    second.close()


def test_the_key_of_a_second_factor_is_encrypted(strict: Installation) -> None:
    _person, app, codes = set_up(strict)
    stored = b"".join(file.read_bytes() for file in strict.context().settings.home.glob("sendflow.db*"))
    assert app.secret.encode() not in stored
    assert not any(code.replace("-", "").encode() in stored for code in codes)


def test_an_administrator_removes_a_lost_second_factor_and_nobody_their_own(strict: Installation) -> None:
    person, _app, _codes = set_up(strict)
    admin = browser_of(strict).sign_in("admin.team")
    wrong = post(admin, "/people", "/people/second-factor", account="admin.team")
    assert (wrong.status_code, "your own" in wrong.text) == (400, True)
    assert "is removed" in post(admin, "/people", "/people/second-factor", account="dco.team").text
    assert person.get("/today").status_code == 401
    again = browser_of(strict).sign_in("dco.team")
    assert "Set up your second factor" in again.get("/today").text


def test_a_second_factor_may_be_set_up_by_who_need_not_have_one(place: Installation) -> None:
    person = browser_of(place).sign_in("admin.team")
    page = person.get("/second-factor").text
    code = TOTP(key_on(page)).now()
    assert "Recovery codes" in person.post("/second-factor", data={**fields(page), "code": code}).text
    assert "has a second factor" in person.get("/second-factor").text
    assert "authenticator app shows" in browser_of(place).sign_in("admin.team").get("/today").text


def test_wrong_passwords_lock_an_account_for_every_process_and_for_fifteen_minutes(place: Installation) -> None:
    give_password(place, "dco.team")
    second = Installation(place.context().settings)
    for number in range(5):
        _person, answer = by_password((place, second)[number % 2], "dco.team", "x" * 12)
        assert answer.status_code == 403
    assert by_password(second, "dco.team")[1].status_code == 403
    past = (datetime.now(UTC) - timedelta(minutes=16)).isoformat(timespec="microseconds")
    transact(place.context().engine, lambda each: each.execute(update(ATTEMPT).values(until=past, since=past)))
    assert by_password(second, "dco.team")[1].url.path == "/today"
    second.close()


def test_a_right_password_forgets_the_wrong_ones(place: Installation) -> None:
    give_password(place, "dco.team")
    for _round in range(3):
        for _attempt in range(4):
            by_password(place, "dco.team", "x" * 12)
        assert by_password(place, "dco.team")[1].url.path == "/today"


def test_an_address_that_tries_many_names_is_refused(place: Installation) -> None:
    give_password(place, "dco.team")
    answers = [by_password(place, f"name{number}", "x" * 12)[1].status_code for number in range(31)]
    assert answers == [403] * 30 + [429]
    assert by_password(place, "dco.team")[1].status_code == 429, "from this address not even the right one"


def test_attempts_are_stored_without_names_and_addresses(place: Installation) -> None:
    by_password(place, "ann.other", "x" * 12)
    with reading(place.context().engine) as connection:
        rows = connection.execute(select(ATTEMPT)).all()
    assert len(rows) == 2 and "ann" not in str(rows) and "testclient" not in str(rows)


def test_an_unknown_name_costs_the_same_work_as_a_known_one(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_password(place, "dco.team")
    passwords.digest_of_nobody()
    checked: list[str] = []
    is_right = passwords.is_right

    def counted(digest: str, password: str) -> bool:
        checked.append("check")
        return is_right(digest, password)

    monkeypatch.setattr(passwords, "is_right", counted)
    statements: list[str] = []
    listen = lambda *given: statements.append(given[2])  # noqa: E731
    event.listen(place.context().engine, "before_cursor_execute", listen)
    work = []
    for name in ("dco.team", "no.body", "sam.lee"):
        person = browser_of(place)
        form = fields(person.get("/sign-in").text)
        checked.clear()
        statements.clear()
        person.post("/sign-in", data={**form, "account": name, "password": "x" * 12})
        work.append((len(checked), [re.sub(r"\s+", " ", each) for each in statements]))
    event.remove(place.context().engine, "before_cursor_execute", listen)
    assert work[1][0] == work[0][0] == work[2][0] == 1
    assert len(work[1][1]) == len(work[2][1])


def test_a_new_password_ends_every_other_session(place: Installation) -> None:
    first, second = (browser_of(place).sign_in("dco.team") for _number in range(2))
    assert "is stored" in post(first, "/password", password=WORDS, again=WORDS).text
    assert (first.get("/today").status_code, second.get("/today").status_code) == (200, 401)


def test_taking_a_role_away_ends_the_sessions_and_links_of_the_account(place: Installation) -> None:
    person = browser_of(place).sign_in("sam.lee")
    link = transact(place.context().engine, lambda each: sessions.create_link(each, "sam.lee", datetime.now(UTC)))
    admin = browser_of(place).sign_in("admin.team")
    assert post(admin, "/people", "/people", account="sam.lee", role="").status_code == 200
    assert person.get("/today").status_code == 401
    assert "does not work" in person.get("/sign-in", params={"token": link}).text


def test_signing_out_everywhere_ends_every_session(place: Installation) -> None:
    people = [browser_of(place).sign_in("dco.team") for _number in range(3)]
    assert "signed out" in post(people[0], "/sign-out", everywhere="yes").text
    assert [person.get("/today").status_code for person in people] == [401, 401, 401]


def test_a_session_without_use_for_an_hour_is_signed_out(place: Installation) -> None:
    from models.tables import SESSION

    person = browser_of(place).sign_in("dco.team")
    past = (datetime.now(UTC) - timedelta(minutes=61)).isoformat(timespec="microseconds")
    transact(place.context().engine, lambda each: each.execute(update(SESSION).values(seen_at=past)))
    assert person.get("/today").status_code == 401


def test_old_attempts_are_forgotten(place: Installation) -> None:
    context, now = place.context(), datetime.now(UTC)
    transact(context.engine, lambda each: limits.take(each, context.cipher, limits.PASSWORD, "a", now))
    day = now + timedelta(days=2)
    transact(context.engine, lambda each: limits.take(each, context.cipher, limits.PASSWORD, "b", day))
    with reading(context.engine) as connection:
        assert len(connection.execute(select(ATTEMPT)).all()) == 1


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (f"/cases/{CASE}", "case"),
        (f"/cases/{CASE}?as_at=2026-03-02", "replay"),
        (f"/cases/{CASE}/record", "record"),
        (f"/cases/{CASE}/record/assessment_agreed", "record"),
        (f"/cases/{CASE}/looks", "looks"),
        ("/cases?format=csv", "export"),
        ("/cases?format=xlsx", "export"),
    ],
)
def test_every_page_and_file_of_a_case_is_a_look_that_an_auditor_sees(
    place: Installation, path: str, what: str
) -> None:
    person = browser_of(place).sign_in("dco.team")
    assert person.get(path).status_code == 200
    transact(place.context().engine, partial(accounts.change_role, account="aud", role="auditor", scope="", actor="t"))
    page = browser_of(place).sign_in("aud").get(f"/cases/{CASE}/looks").text
    rows = re.findall(r"<tr role=\"row\" class.*?</tr>", page, re.DOTALL)
    assert [looked_at(what) in row and "dco.team" in row for row in rows].count(True) == 1


def test_the_dco_sees_signs_of_unusual_reading(place: Installation) -> None:
    context = place.context()
    refs = [f"NX9{number:04d}" for number in range(31)]
    note_looks(context, refs, "sam.lee", "case")
    page = browser_of(place).sign_in("dco.team").get("/unusual").text
    assert "Many cases in an hour" in page and "sam.lee" in page and "31:" in page
