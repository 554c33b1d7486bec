"""Nobody who is not named for a restricted process finds a trace of its cases: two installations are compared.

One has restricted cases, of a child who has other cases too, with links, letters and late duties. The other has had the
same life without them. Every page, list, letter, calendar, digest, export, metric, Prefect object, log line and refusal
has to be the same in both, word for word and count for count, for every role. The person who is named sees them all.
"""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from casework.reports.registers.all import OF_PROCESSES
from cli.installation import ACCESS as COMMANDS
from cli.installation import Access
from models.database import reading
from models.tables import ACCESS, CASE_LOOK, CASE_OWNER, FACT, FREE_TEXT, NOTICE
from tests.support.calling import sendflow
from tests.support.page_walk import walked
from tests.support.restricted_lives import HIDDEN, TOMORROW, UNKNOWN, UNNAMED, VISIBLE, Life, plain
from tests.web.conftest import Browser, browser_of

pytestmark = pytest.mark.timeout(900)


def pages(browser: Browser) -> dict[str, str]:
    """Every page that a person reaches by links from the first one."""
    return {address: f"{status}\n{text}" for address, status, text in walked(browser)}


SESSION = re.compile(r'nonce="[^"]+"|name="token" value="[^"]+"')  # most lines differ in these, if at all


def different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """What differs between two walks, line by line, for the message of the test."""
    found = [f"only in one: {address}" for address in sorted(one.keys() ^ other.keys())]
    for address in sorted(one.keys() & other.keys()):
        lines = (SESSION.sub("", text).splitlines() for text in (one[address], other[address]))
        raw = zip(*lines, strict=False)
        pairs = [(plain(first), plain(second)) for first, second in raw if first != second]
        found += [f"{address}: {first[:300]!r} and {second[:300]!r}" for first, second in pairs if first != second][:2]
        if len(one[address].splitlines()) != len(other[address].splitlines()):
            found.append(f"{address}: of another length")
    return found


@pytest.mark.parametrize("account", UNNAMED)
def test_no_page_differs_for_who_is_not_named(lives: tuple[Life, Life], account: str) -> None:
    walks = [pages(browser_of(each.installation).sign_in(account)) for each in lives]
    assert len(walks[0]) > 3
    assert different(*walks) == []


def test_the_person_who_is_named_sees_all(lives: tuple[Life, Life]) -> None:
    browser = browser_of(lives[0].installation).sign_in("safeguarding.lead")
    for ref in HIDDEN:
        answer = browser.get(f"/cases/{ref}")
        assert answer.status_code == 200, ref
        assert "Safeguarding referral" in answer.text
    assert HIDDEN[0] in browser.get("/cases?search=SR").text
    assert HIDDEN[-1] in browser.get(f"/cases/{VISIBLE}").text, "the named person sees the link from both sides"
    assert "SR00002" in browser.get("/lists/late").text
    with reading(lives[0].context.engine) as connection:
        letters = list(
            connection.scalars(select(NOTICE.c.letter).where(NOTICE.c.case_ref == "SR00002", NOTICE.c.letter != ""))
        )
    assert letters
    assert browser.get(f"/letters/{letters[0]}").status_code == 200


ADDRESSES = (
    *("/cases/{}", "/cases/{}/record", "/cases/{}/ladder", "/cases/{}/looks", "/cases/{}/bundle", "/cases/{}/identity"),
    "/cases/{}/subject-access",
    *("/cases/{}/papers", "/cases/{}/why/safeguarding_chase/1", "/cases/{}/record/case_closed", "/cases?search={}"),
)
FORMS = {
    "/cases/{}/owner": {"owner": "dco.team"},
    "/cases/{}/release": {},
    "/cases/{}/ladder": {"how": "call", "note": "rang"},
    "/cases/{}/bundle": {"whom": "audit", "purpose": "audit"},
    "/cases/{}/identity": {"purpose": "contact"},
    "/cases/{}/subject-access": {"purpose": "subject_access"},
    "/cases/{}/record/case_closed": {"on-day": "15", "on-month": "4", "on-year": "2026", "step": "record"},
    "/cases/{}/record/contact_made": {"on-day": "15", "on-month": "4", "on-year": "2026", "step": "record"},
    "/decide/{}/1": {"decision": "accepted"},
}


@pytest.mark.parametrize("account", UNNAMED)
def test_an_address_of_a_restricted_case_answers_as_one_of_no_case(lives: tuple[Life, Life], account: str) -> None:
    one = lives[0]
    browser = browser_of(one.installation).sign_in(account)
    token = re.search(r'name="token" value="([^"]+)"', browser.get("/sign-out").text)
    assert token is not None
    before = rows_of(one)
    for address in ADDRESSES:
        answers = [browser.get(address.format(ref)) for ref in ("SR00002", UNKNOWN)]
        texts = [plain(each.text).replace(ref, "REF") for each, ref in zip(answers, ("SR00002", UNKNOWN), strict=True)]
        assert (answers[0].status_code, texts[0]) == (answers[1].status_code, texts[1]), address
    for address, form in FORMS.items():
        answers = [
            browser.post(address.format(ref), data={**form, "token": token[1]}, follow_redirects=False)
            for ref in ("SR00002", UNKNOWN)
        ]
        texts = [plain(each.text).replace(ref, "REF") for each, ref in zip(answers, ("SR00002", UNKNOWN), strict=True)]
        assert (answers[0].status_code, texts[0]) == (answers[1].status_code, texts[1]), address
    assert rows_of(one) == before, "nothing was written about the restricted case"


def rows_of(life: Life) -> dict[str, int]:
    """How many rows of each table are about restricted cases."""
    with reading(life.context.engine) as connection:
        return {
            table.name: len(connection.execute(select(table.c.case_ref).where(table.c.case_ref.like("SR%"))).all())
            for table in (FACT, CASE_OWNER, CASE_LOOK, ACCESS, NOTICE, FREE_TEXT)
        }


LOOKS = (
    ("overdue", "--json"),
    ("due-soon", "--json"),
    ("letters", "--json"),
    ("ladder", "--json"),
    ("to-decide", "--json"),
    ("replies", "--json"),
    ("findings", "--json"),
    ("joint-review", "--json"),
    ("retention", "--as-at", "2060-01-01", "--json"),
    ("holds", "--json"),
    ("erase", "--all", "--json"),
    ("erase", VISIBLE, "--ground", "court_order", "--actor", "dco.team", "--json"),
    ("doctor", "--quick", "--json"),
    ("child", VISIBLE, "--json"),
    ("looks", "--who", "nobody.here", "--json"),
    ("people", "--json"),
    ("views", "--actor", "dco.team", "--json"),
    ("webhooks", "--json"),
    ("tokens", "--json"),
    ("law-watch", "--json"),
    ("files", "--json"),
    ("directory", "--json"),
    ("policy", "--json"),
    ("columns", "--json"),
    ("single-sign-on", "--json"),
    ("calendar", "--json"),
    ("transitions", "--json"),
    ("case", VISIBLE),
    ("case", VISIBLE, "--json"),
    ("papers", "PS21001"),
    ("sample", "PA51002"),
    *(("register", each.name, "--json") for each in OF_PROCESSES),
    ("register", "policy", "--json"),
    ("bulk", "assign", "--owner", "admin.team", "--filter", "show=all", "--actor", "dco.team", "--try", "--json"),
    ("bulk", "assign", "--owner", "admin.team", "--view", "everything", "--actor", "dco.team", "--try", "--json"),
    ("verifications", "--json"),
    ("bulk", "assign", "--nobody", "--filter", "show=all", "--actor", "dco.team", "--try", "--json"),
    ("overdue",),
    ("letters",),
)
# What a look about every case proves, and what is of this machine and not of cases.
OF_EVERY_CASE = {"verify", "log", "rulesets", "adoptions", "dry-run"}


def test_every_command_that_looks_is_compared() -> None:
    looks = {name for name, access in COMMANDS.items() if access is Access.LOOKS}
    assert looks - {words[0] for words in LOOKS} == OF_EVERY_CASE


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_no_command_says_anything_to_who_is_not_named(lives: tuple[Life, Life], command: tuple[str, ...]) -> None:
    said = []
    for each in lives:
        ended = sendflow(*command, env={"SENDFLOW_HOME": str(each.home), "SENDFLOW_TODAY": TOMORROW.isoformat()})
        said.append((ended.exit_code, plain(ended.stdout)))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "words",
    [
        ("case", "{}"),
        ("case", "{}", "--json"),
        ("person", "{}", "--actor", "dco.team", "--purpose", "contact"),
        ("record", "{}", "case_closed", "--on", "2026-04-15", "--actor", "dco.team"),
        ("record", VISIBLE, "case_linked", "--on", "2026-04-15", "--actor", "dco.team", "--data", "to_case={}"),
        ("record", VISIBLE, "fact_corrected", "--corrects", "1", "--actor", "dco.team", "--data", "linked_to={}"),
        ("assign", "{}", "dco.team", "--actor", "dco.team"),
        ("bulk", "assign", "--nobody", "--case", "{}", "--actor", "dco.team"),
        ("child", "{}"),
        ("looks", "--case", "{}"),
        ("ladder", "{}"),
        ("letters", "release", "--case", "{}", "--actor", "dco.team", "--reason", "seen"),
        ("papers", "{}"),
        ("bundle", "{}", "--for", "audit", "--actor", "dco.team"),
        ("verify", "{}"),
        ("holds", "begin", "{}", "--reason", "complaint", "--actor", "dco.team"),
        ("erase", "{}", "--ground", "court_order", "--actor", "dco.team"),
        ("subject-access", "{}", "--actor", "dco.team", "--to", "none"),
        ("part", "{}", "--from", VISIBLE, "--actor", "dco.team"),
        ("join", "{}", "--with", VISIBLE, "--actor", "dco.team"),
        ("looks", "--case", "{}", "--json"),
        ("sample", "{}"),
        ("joint-review", "{}", VISIBLE),
        ("calendar", "make", "{}", "--actor", "dco.team"),
        ("bulk", "assign", "--owner", "admin.team", "--case", "{}", "--actor", "dco.team"),
        ("bulk", "pause", "--reason", "walk", "--case", "{}", "--case", VISIBLE, "--actor", "dco.team", "--try"),
        ("bundle-cohort", "{}", "--for", "audit", "--actor", "dco.team"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_command_about_a_restricted_case_says_what_it_says_of_none(
    lives: tuple[Life, Life], words: tuple[str, ...]
) -> None:
    one, before = lives[0], rows_of(lives[0])
    said = []
    for ref in ("SR00002", UNKNOWN):
        env = {"SENDFLOW_HOME": str(one.home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
        ended = sendflow(*(word.format(ref) for word in words), env=env)
        said.append((ended.exit_code, plain(ended.output).replace(ref, "REF")))
    assert said[0] == said[1]
    assert rows_of(one) == before


def test_a_person_who_is_named_on_this_machine_sees_the_case(
    lives: tuple[Life, Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "safeguarding.lead")
    env = {"SENDFLOW_HOME": str(lives[0].home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
    assert sendflow("case", "SR00002", env=env).exit_code == 0
    assert sendflow("verify", "SR00002", env=env).exit_code == 0
    assert "SR00002" in sendflow("overdue", env=env).stdout
