"""The sample read by pages is the sample read by commands: lists, cases, why a date, e-mails."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from casework.access.seen import as_seen_by
from casework.reports.case_list import CaseFilter, Show, case_list
from tests.support.calling import sendflow
from tests.support.sample_home import TODAY
from tests.web.conftest import Browser
from web.installation import Installation


@pytest.fixture(scope="module")
def command(sample: Installation) -> Callable[..., Any]:
    """Runs a command on the sample and gives its JSON document."""

    def run(*words: str) -> Any:
        home = str(sample.context().settings.home)
        done = sendflow(*words, "--json", env={"SENDFLOW_HOME": home, "SENDFLOW_TODAY": TODAY.isoformat()})
        assert done.exit_code == 0, done.output
        return orjson.loads(done.stdout)

    return run


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a stored list, under its headings."""
    table = text.lstrip("\ufeff").split("\r\n\r\n", 1)[1]
    return list(csv.DictReader(io.StringIO(table)))


@pytest.mark.parametrize(("name", "said"), [("late", "overdue"), ("soon", "due-soon")])
def test_the_lists_are_those_of_the_commands(
    browsers: Callable[[str], Browser], command: Callable[..., Any], name: str, said: str
) -> None:
    listed = rows_of(browsers("dco.team").get(f"/lists/{name}?format=csv").text)
    shown = [(row["Case"], row["What is owed"], row["Service"], row["Due"], row["Days"]) for row in listed]
    rows = command(said)
    assert shown == [
        (row["case_ref"], row["action"], row["service"] or "", row["due"], str(row["days"])) for row in rows
    ]
    assert rows


def test_cases_and_why_their_dates_are_those_of_the_command(
    sample: Installation, browsers: Callable[[str], Browser], command: Callable[..., Any]
) -> None:
    auditor = browsers("auditor")
    seen = as_seen_by(sample.context(), "auditor")
    refs = [row.case_ref for row in case_list(seen, CaseFilter(show=Show.ALL), TODAY, 0).rows][::45]
    for ref in ["SP90001", *refs]:
        document = command("case", ref)
        page = auditor.get(f"/cases/{ref}").text
        assert document["state_name"] in text_of(page)
        assert sorted(map(int, re.findall(r'id="fact-(\d+)"', page))) == [fact["seq"] for fact in document["facts"]]
        duties = re.findall(rf'href="/cases/{ref}/why/(\w+)/(\d+)"', page)
        assert duties == [(duty["rule"], str(duty["opened_seq"])) for duty in document["duties"]]
        for duty in document["duties"][:2]:
            why = auditor.get(f"/cases/{ref}/why/{duty['rule']}/{duty['opened_seq']}").text
            assert duty["citation"] in text_of(why)
            assert not duty["due"] or f'datetime="{duty["due"]}"' in why


def test_the_emails_are_those_of_the_command(browsers: Callable[[str], Browser], command: Callable[..., Any]) -> None:
    dco = browsers("dco.team")
    named = {notice["letter"] for notice in command("letters")} - {None}
    page = dco.get("/letters").text
    shown = set(re.findall(r'href="/letters/([0-9a-z-]+)"', page))
    assert named <= shown
    for one in sorted(named)[:3]:
        single = command("letters", one)
        assert single["subject"] in text_of(dco.get(f"/letters/{one}").text)
        assert " ".join(single["text"].split())[:400] in text_of(dco.get(f"/letters/{one}").text)
