"""Which mail transport a letter has, when it may be used, and when a body gets letters. The database has its state."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest

from casework.context import AppContext
from casework.delivery import transport_state
from casework.delivery.deliver import deliver, delivery_is_due
from casework.delivery.transports import Transports, is_quiet, transport_name, usable
from config.directory import DEFAULT, Directory, DirectoryError, load_directory
from config.letter_times import LetterTimes
from config.settings import Carrier, Settings
from config.transports import Limit, TransportsError, transport_rules
from models.database import reading, transact
from notifications.transport import Attempt, Letter, Outcome, SecureSubjects
from runtime.diagnostics.service_checks import accreditations
from tests.support.mail_server import MANAGER, SERVICE, letters
from tests.support.team import RecordingTransport, Team

TODAY = "2 Mar 2026"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DOWN, ACCEPTED = Attempt(Outcome.UNREACHABLE, "unreachable"), Attempt(Outcome.ACCEPTED)
NO_LIMIT = Limit()


def letter(mailbox: str = SERVICE, subject: str = "NX90001") -> Letter:
    return Letter("id", "<id>", mailbox, "office", SERVICE, subject, "text", "html", AT)


def directory_with(home: Path, letters_of_qx101: str) -> Directory:
    """The shipped directory with a table `letters` of the first trust."""
    name = 'send_lead = "send.lead@northshire-community.example"\n'
    file = home / "directory.toml"
    text = DEFAULT.read_text("utf-8").replace(name, f"{name}\n[body.letters]\n{letters_of_qx101}\n")
    file.write_text(text, "utf-8")
    return load_directory(file)


def take(context: AppContext, minutes: float = 0, limit: Limit = NO_LIMIT, name: str = "notify") -> bool:
    when = AT + timedelta(minutes=minutes)
    return transact(context.engine, partial(transport_state.take, name=name, limit=limit, now=when))


def note(context: AppContext, attempt: Attempt, minutes: float = 0, name: str = "notify") -> None:
    when = AT + timedelta(minutes=minutes)
    transact(context.engine, partial(transport_state.note, name=name, attempt=attempt, now=when))


def test_two_failures_in_a_row_leave_a_transport_alone_for_all_deliverers(team: Team) -> None:
    note(team.first, DOWN)
    assert take(team.first), "one failure may be of one letter"
    note(team.first, DOWN)
    assert not take(team.first)
    assert take(team.first, name="smtp"), "another transport is used as before"
    assert not take(team.first, 4.9)
    assert take(team.first, 5.1)
    assert not take(team.first, 5.1), "after the wait one letter is tried, by one deliverer"


def test_the_wait_doubles_until_an_hour_and_ends_with_a_letter_that_is_accepted(team: Team) -> None:
    waits = []
    for minutes in range(8):
        note(team.first, DOWN)
        with reading(team.first.engine) as connection:
            until = transport_state.state_of(connection, "notify").until
        waits.append((datetime.fromisoformat(until) - AT).seconds // 60 if until else 0)
        assert minutes < 8
    assert waits == [0, 5, 10, 20, 40, 60, 60, 60]
    note(team.first, Attempt(Outcome.REFUSED, "smtp_550"))
    assert take(team.first), "an answer about one letter says that the transport works"


def test_a_transport_that_asks_for_a_pause_gets_it_at_once(team: Team) -> None:
    note(team.first, Attempt(Outcome.LATER, "notify_minute_limit", pause=timedelta(minutes=1)))
    assert (take(team.first, 0.9), take(team.first, 1.1)) == (False, True)


def test_a_limit_of_a_minute_and_of_a_day_counts_the_letters_of_all_deliverers(team: Team) -> None:
    limit = Limit(per_minute=3, per_day=5)
    assert [take(team.first, 0, limit) for _ in range(4)] == [True, True, True, False]
    assert [take(team.first, 1, limit) for _ in range(3)] == [True, True, False]
    assert take(team.first, 24 * 60, limit)


def test_what_was_taken_and_not_sent_is_given_back(team: Team) -> None:
    limit = Limit(per_minute=1)
    assert take(team.first, 0, limit)
    transact(team.first.engine, partial(transport_state.give_back, name="notify", now=AT))
    assert take(team.first, 0, limit)


def test_two_deliverers_at_once_take_no_more_than_the_limit(team: Team) -> None:
    taken: list[bool] = []

    def deliverer() -> None:
        taken.extend(take(team.first, 0, Limit(per_minute=10)) for _ in range(10))

    threads = [threading.Thread(target=deliverer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken.count(True), taken.count(False)) == (10, 10)


def test_only_one_of_two_deliverers_tries_a_transport_after_its_wait(team: Team) -> None:
    note(team.first, DOWN)
    note(team.first, DOWN)
    taken: list[bool] = []
    threads = [threading.Thread(target=lambda: taken.append(take(team.first, 6))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def real(team: Team, carrier: Carrier = Carrier.SMTP) -> AppContext:
    """The installation by the real clock, as the transports see it."""
    return replace(team.first, settings=replace(team.first.settings, today=None, carrier=carrier))


def test_a_run_that_finds_a_transport_down_says_so_to_the_next_run(team: Team) -> None:
    context, post = real(team), RecordingTransport()
    post.down = True
    with ExitStack() as stack:
        first = Transports(context, post, False, stack)
        assert [first.take(SERVICE), first.send(letter()).why] == [True, "unreachable"]
        assert [first.take(SERVICE), first.send(letter()).why] == [True, "unreachable"]
        assert (first.take(SERVICE), first.state()) == (False, "unreachable")
        assert not Transports(context, post, False, stack).take(SERVICE)
        assert Transports(context, post, True, stack).take(SERVICE), "a person who sends now does not wait"
    assert "smtp" not in usable(context)
    assert "notify" in usable(context)


def test_a_body_may_have_a_transport_of_its_own(team: Team) -> None:
    context = replace(real(team), directory=directory_with(team.home, 'transport = "notify"'))
    assert transport_name(context, SERVICE) == transport_name(context, MANAGER) == "notify"
    assert transport_name(context, "camhs.ehc@valeandfells-mh.example") == "smtp"
    sink = replace(context, settings=replace(context.settings, carrier=Carrier.SINK))
    assert transport_name(sink, SERVICE) == "sink", "an installation that stores all letters sends none"


def test_notify_without_a_key_holds_its_letters_and_says_why(team: Team) -> None:
    context = replace(real(team), directory=directory_with(team.home, 'transport = "notify"'))
    with ExitStack() as stack:
        carrying = Transports(context, None, False, stack)
        attempt = carrying.send(letter())
    assert (attempt.outcome, attempt.why, carrying.state()) == (Outcome.LATER, "notify_not_set", "notify_not_set")


def test_a_transport_that_is_down_holds_up_no_letter_of_another(team: Team) -> None:
    """Three mailboxes of the trust by one transport, which is down, and one of another trust."""
    team.opened(TODAY)
    for service in ("speech_and_language_therapy", "occupational_therapy", "community_paediatrics", "camhs"):
        team.asked(TODAY, service)
    directory = directory_with(team.home, 'transport = "file"')
    post = RecordingTransport()

    class Both:
        def send(self, letter: Letter) -> Attempt:
            return DOWN if "northshire" in letter.mailbox else post.send(letter)

    context = team.context(TODAY)
    context = replace(context, directory=directory, settings=replace(context.settings, carrier=Carrier.SMTP))
    report = deliver(context, transport=Both())
    assert [sent.mailbox for sent in post.letters] == ["camhs.ehc@valeandfells-mh.example"]
    assert (report.sent, report.waiting, report.mail_server_error) == (1, 3, "unreachable")
    assert [state for _to, _on, state, _why in letters(team)].count("waiting") == 2


@pytest.mark.parametrize("quiet", ["monday", "2026-03-02"])
def test_a_body_gets_no_letter_on_its_quiet_days_and_then_the_newest_one(team: Team, quiet: str) -> None:
    named = f'"{quiet}"' if quiet == "monday" else quiet
    directory = directory_with(team.home, f"quiet_days = [{named}]")
    team.first = replace(team.first, directory=directory)
    team.opened(TODAY).asked(TODAY)
    assert (team.deliver(TODAY).sent, delivery_is_due(team.context(TODAY))) == (0, False)
    assert team.notices() == [("request_received", "service", "created")]
    assert delivery_is_due(team.context("3 Mar 2026"))
    assert team.deliver("3 Mar 2026").sent == 1
    assert team.verify("3 Mar 2026").intact


def test_a_person_may_send_on_a_quiet_day(team: Team) -> None:
    team.first = replace(team.first, directory=directory_with(team.home, 'quiet_days = ["monday"]'))
    team.opened(TODAY).asked(TODAY)
    assert team.deliver(TODAY, now=True).sent == 1


def test_hours_are_those_of_london(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = directory_with(team.home, "from = 10:00:00\nuntil = 15:00:00")
    context = replace(real(team), directory=directory)
    for utc, quiet in ((8, True), (9, False), (13, False), (14, True)):
        monkeypatch.setattr(AppContext, "now", lambda _self, hour=utc: datetime(2026, 6, 2, hour, 30, tzinfo=UTC))
        assert is_quiet(context, SERVICE) is quiet, utc
        assert not is_quiet(context, "camhs.ehc@valeandfells-mh.example")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("from = 16:00:00\nuntil = 09:00:00", "until is later than from"),
        ('quiet_days = ["monday", "tuesday", "wednesday", "thursday", "friday"]', "leaves a weekday"),
        ('transport = "pigeon"', "letters.transport"),
        ("hours = 3", "there is no such key"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(DirectoryError, match=says):
        directory_with(tmp_path, table)


def test_a_mailbox_of_two_bodies_has_one_transport(tmp_path: Path) -> None:
    text = DEFAULT.read_text("utf-8").replace("send.lead@eastmere-holme.example", SERVICE)
    file = tmp_path / "shared.toml"
    mine = 'send_lead = "send.lead@northshire-community.example"\n'
    file.write_text(text.replace(mine, f'{mine}\n[body.letters]\ntransport = "notify"\n'), "utf-8")
    with pytest.raises(DirectoryError, match="different transports"):
        load_directory(file)


@pytest.mark.parametrize(
    ("relay", "mailbox", "marked"),
    [
        ("send.nhs.net", "a@trust.nhs.uk", True),
        ("send.nhs.net", "a@nhs.net", False),
        ("send.nhs.net", "a@team.NHS.NET", False),
        ("send.nhs.net", "a@notnhs.net", True),
        ("relay.icb.example", "a@trust.nhs.uk", False),
    ],
)
def test_a_subject_is_marked_secure_for_domains_that_are_not_listed(
    tmp_path: Path, relay: str, mailbox: str, marked: bool
) -> None:
    rules = transport_rules(Settings(home=tmp_path))
    post = RecordingTransport()
    SecureSubjects(post, partial(rules.secure_mail.marks, relay, today=date(2026, 11, 30))).send(
        letter(mailbox, "NX90001: due")
    )
    assert post.letters[0].subject == ("[secure] NX90001: due" if marked else "NX90001: due")
    assert rules.secure_mail.checked_on <= date(2026, 11, 30)


def test_a_locality_lists_its_own_domains(tmp_path: Path) -> None:
    (tmp_path / "transports.toml").write_text(
        '[secure_mail]\nrelays = ["nhs.net"]\ndomains = ["nhs.net", "council.gov.example"]\nsource = "our IG lead"\n'
        "checked_on = 2026-11-01\n"
    )
    rules = transport_rules(Settings(home=tmp_path))
    assert not rules.secure_mail.marks("send.nhs.net", "a@council.gov.example", date(2026, 11, 30))
    (tmp_path / "transports.toml").write_text('[secure_mail]\nrelay = ["nhs.net"]\n')
    with pytest.raises(TransportsError, match=r"transports\.toml.*relay"):
        transport_rules(Settings(home=tmp_path))


def test_an_accredited_domain_needs_no_mark_for_a_year_and_the_doctor_says_when_it_ended(team: Team) -> None:
    (team.home / "transports.toml").write_text(
        '[secure_mail]\nrelays = ["nhs.net"]\ndomains = ["nhs.net"]\nsource = "NHSmail"\nchecked_on = 2026-03-01\n'
        '[[secure_mail.accredited]]\ndomain = "trust.example"\nsource = "DCB1596 list"\naccredited_on = 2026-03-02\n'
    )
    mail = transport_rules(team.first.settings).secure_mail
    days = (date(2026, 3, 1), date(2026, 3, 2), date(2027, 3, 1), date(2027, 3, 2))
    assert [mail.marks("send.nhs.net", "slt@child.trust.example", on) for on in days] == [True, False, False, True]
    context = team.context("3 Mar 2026")
    with reading(context.engine) as connection:
        assert list(accreditations(context, connection, days[2])) == []
        (found,) = accreditations(context, connection, days[3])
        assert found.what == "accreditation_ended" and "trust.example ended on 2027-03-02" in found.message
        (team.home / "transports.toml").write_text("[secure_mail]\n")
        assert [each.what for each in accreditations(context, connection, days[3])] == ["transports_file"]


def test_times_of_a_body_without_a_table_are_those_of_everybody() -> None:
    times = LetterTimes()
    assert not times.is_quiet_on(date(2026, 3, 2))
    assert times.is_open_at(time(8, 0))
