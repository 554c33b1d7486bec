"""A month in which three bodies are chased, day by day, with two of each job at once, outages and kills.

The jobs run in processes of their own, over a real SMTP server and a real IMAP server. One body answers by the links of
its letters, one by mail, and of one the mailbox is gone and nobody answers. The test counts every letter and every fact
by hand.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from itertools import count

from casework.replies.links import find_link
from models.database import reading, transact
from tests.casework.mailbox.samples import reply, status_notification
from tests.support.fault_workers import End, Nursery, Order
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.mail_server import HOST, ScriptedMailServer
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

PAGES = "https://sendflow.icb.example"
LINK = re.compile(rf"{re.escape(PAGES)}/reply/([A-Za-z0-9_-]{{32}})")
FIRST, LAST = date(2026, 2, 16), date(2026, 4, 2)
LINKED, BY_MAIL, SILENT = "NX90001", "NX90002", "NX90003"
SLT, SPEECH, PHYSIO = (
    "slt.advice@northshire-community.example",
    "speech.language@lowmoor-therapies.example",
    "childrens.physio@eastmere-holme.example",
)
PHYSIO_MANAGER = "childrens.therapies.manager@eastmere-holme.example"
NO_MAIL_SERVER = {date(2026, 3, 9), date(2026, 3, 10)}
NO_MAILBOX = {date(2026, 3, 4)}
KILLED = {date(2026, 2, 16), date(2026, 3, 5), date(2026, 3, 11), date(2026, 3, 23), date(2026, 3, 31)}


@dataclass
class Month:
    """The month and what it left. `arrived`: day, mailbox and subject of each e-mail once, however often it came."""

    team: Team
    mail_server: ScriptedMailServer
    imap: ImapServer
    children: Nursery
    kills: Counter[str] = field(default_factory=Counter)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def live(self) -> None:
        """Live the days from Monday to Friday one after another."""
        day = FIRST
        while day <= LAST:
            if day.isoweekday() < 6:
                self._day(day)
            day += timedelta(days=1)

    def _day(self, day: date) -> None:
        on = day.isoformat()
        self._what_people_do(day)
        self.mail_server.answer_rcpt = "451 4.3.2 not now" if day in NO_MAIL_SERVER else "250 OK"
        password = "another-word" if day in NO_MAILBOX else PASSWORD
        jobs: dict[str, tuple[object, ...]] = {  # in the order of the scheduler
            "replies": ("localhost", self.imap.port, USER, password, str(self.imap.certificate)),
            "sweep": (),
            "deliver": (HOST, self.mail_server.port, 5.0, PAGES),
        }
        for name, given in jobs.items():
            if name == "replies" and not self.imap.stored():
                continue
            if day in KILLED:
                self._killed(name, on, given)
            ends = self.children.all_at_once(Order(name, on, given), Order(name, on, given))
            assert [end.code for end in ends] == [0, 0], (day, name, ends)

    def _killed(self, name: str, on: str, given: tuple[object, ...]) -> None:
        """Kill the job at a statement that is further on each time, until it ends; start it again each time."""
        for point in count(2, 13):
            end: End = self.children.one(name, on, *given, die_at=point)
            if end.code == 0:
                return
            assert end.code == -signal.SIGKILL, end
            self.kills[name] += 1

    def _what_people_do(self, day: date) -> None:
        team, on = self.team, day.isoformat()
        match on:
            case "2026-02-16":
                team.record(on, "ehc_assessment_requested", case=SILENT, la="eastmere")
                team.record(on, "health_advice_requested", case=SILENT, service="physiotherapy")
            case "2026-02-17":  # the server of the trust does not know the mailbox
                self._comes_in(self._bounce(PHYSIO))
            case "2026-03-02":
                for case, la in ((LINKED, "northshire"), (BY_MAIL, "eastmere")):
                    team.record(on, "ehc_assessment_requested", case=case, la=la)
                    team.record(on, "health_advice_requested", case=case, service="speech_and_language_therapy")
            case "2026-03-03":
                self._answers_by_link(day, "received")
            case "2026-03-04":
                self._comes_in(self._mail("RECEIVED"))
            case "2026-03-10":
                self._comes_in(self._mail("I am on leave.", Auto_Submitted="auto-replied"))
            case "2026-03-16":
                self._comes_in(self._mail("Who is this about? Please call us."))
            case "2026-03-24":
                self._answers_by_link(day, "not_known")
                self._comes_in(self._mail(f"SENT {BY_MAIL} 24/03/2026"))
            case "2026-03-26":
                team.record(on, "health_advice_received", case=BY_MAIL, service="speech_and_language_therapy")

    def _newest_to(self, mailbox: str, words: str = "") -> EmailMessage:
        return [each for each in self.mail_server.arrived if each["To"] == mailbox and words in each["Subject"]][-1]

    def _bounce(self, mailbox: str) -> bytes:
        raw = status_notification("5.1.1").replace(b"slt@trust.example", mailbox.encode())
        message_id = str(self._newest_to(mailbox)["Message-ID"])
        return raw.replace(b"<20260302-0123456789.sendflow@icb.example>", message_id.encode())

    def _mail(self, text: str, **headers: str) -> bytes:
        own = f"<{next(self.numbers)}@lowmoor-therapies.example>"
        message_id = str(self._newest_to(SPEECH)["Message-ID"])
        return reply(text, SPEECH, message_id, Message_ID=own, **headers)

    def _comes_in(self, raw: bytes) -> None:
        self.imap.deliver(raw)

    def _answers_by_link(self, day: date, said: str) -> None:
        """The service opens the newest link of its letters for one thing, as a person does: three pages, one POST."""
        context = self.team.context(day)
        transact(context.engine, context.keep_time)
        body = self._newest_to(SLT, "please").get_body(("plain",))
        assert body is not None
        with reading(context.engine) as connection:
            (token,) = (
                token
                for token in dict.fromkeys(LINK.findall(body.get_content()))
                if find_link(connection, context.cipher, token, context.now()).asked is not None
            )
        installation = Installation(context.settings)
        person = browser_of(installation)
        path = f"/reply/{token}"
        for _scanner in range(2):
            assert person.get(path).status_code == 200
        form = _form(person, path)
        checked = person.post(path, data={**form, "choice": said, "step": "choose"})
        assert "Check before it is recorded" in checked.text
        sent = person.post(path, data={**_hidden(checked.text), "step": "send"})
        assert "Your answer is recorded" in sent.text
        installation.close()

    def arrived(self) -> list[tuple[str, str, str]]:
        """Day, mailbox and the last words of the subject of each e-mail, once each, in order."""
        found: dict[str, tuple[str, str, str]] = {}
        for each in self.mail_server.arrived:
            on = datetime.strptime(str(each["Date"]), "%a, %d %b %Y %H:%M:%S %z").astimezone(UTC).date().isoformat()
            subject = " ".join(str(each["Subject"]).split()).removeprefix("SIMULATION: ")
            found.setdefault(str(each["Message-ID"]), (on, str(each["To"]), subject))
        return sorted(found.values())

    def facts(self, case: str) -> list[str]:
        """The facts of a case in the order in which they were written: day, kind, and what makes two differ."""
        more = ("rung", "recipient", "cause", "said", "answer")
        return [
            " ".join(
                [
                    line.occurred_on.isoformat()[5:],
                    line.kind,
                    *(str(line.data[key]) for key in more if key in line.data),
                ]
            )
            for line in self.team.lines(case)
        ]


def _hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))


def _form(person: Browser, path: str) -> dict[str, str]:
    return _hidden(person.get(path).text)
