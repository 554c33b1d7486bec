"""A case page shows what the command shows: state, duties, facts, letters, on any day and as known at any instant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, event

from casework.access.seen import as_seen_by
from casework.context import AppContext
from casework.privacy.case_looks import looks_at, note_look
from casework.reports import case_report, recordable
from casework.reports.case_letters import CaseLetter, letters_of
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.case_report import report
from casework.reports.histories import read_histories
from casework.reports.letters import letters
from casework.reports.worklists import overdue
from casework.rule_packs import Adoption
from config.escalation_policy import load_escalation_policy
from config.settings import Settings
from models.facts import StoredFact
from tests.support.sample_home import TODAY
from tests.support.team import ready
from tests.web.conftest import Browser
from web import app
from web.installation import Installation
from web.templating import render
from web.timeline import timeline

CASE = "SP90001"


def test_every_case_of_the_sample_can_be_opened_and_says_its_state(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    context, auditor = as_seen_by(sample.context(), "auditor"), browsers("auditor")
    rows = case_list(context, CaseFilter(show=Show.ALL), TODAY, 0).rows
    assert len(rows) > 100
    for row in rows[::6]:
        html = auditor.get(f"/cases/{row.case_ref}").text
        found = report(context, row.case_ref)
        assert f"It is at <strong>{found.state_name}</strong>" in html.replace("&#39;", "'")
        assert len(re.findall(r'id="fact-\d+"', html)) == len(found.facts)
        assert html.count("Why this date") == len(found.duties)


def test_the_list_filters_by_what_the_address_says(sample: Installation, browsers: Callable[[str], Browser]) -> None:
    dco, context = browsers("dco.team"), sample.context()
    late = {row.case_ref for row in overdue(context, TODAY)}
    shown = set(re.findall(r'href="/cases/([A-Z]+-?\d+)"', dco.get("/cases?show=late&page=1").text))
    assert shown
    assert shown <= late
    assert {row.case_ref for row in case_list(context, CaseFilter(show=Show.LATE), TODAY, 0).rows} == late
    total = case_list(context, CaseFilter(show=Show.NO_DATE), TODAY).total
    assert f"{total} case" in dco.get("/cases?show=no_date").text
    assert "No case is like that" in dco.get("/cases?search=ZZ99999").text
    assert 'value="ZZ99999"' in dco.get("/cases?search=ZZ99999").text


def test_a_reference_opens_its_case(sample: Installation, browsers: Callable[[str], Browser]) -> None:
    dco = browsers("dco.team")
    answer = dco.get("/cases", params={"search": "sp90001"})
    assert answer.url.path == f"/cases/{CASE}"
    listed = case_list(sample.context(), CaseFilter(show=Show.ALL), TODAY, 0).rows
    theirs = next(row for row in listed if row.la_reference)
    assert theirs.case_ref in dco.get("/cases", params={"search": theirs.la_reference}).text


def test_a_replay_says_that_it_is_not_now_and_what_differs(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    auditor, context = browsers("auditor"), sample.context()
    facts = report(context, CASE).facts
    day = sorted({fact.occurred_on for fact in facts})[1]
    html = auditor.get(f"/cases/{CASE}", params={"as_at": day.isoformat()}).text
    assert "This is not now" in html
    then = report(context, CASE, day)
    assert len(re.findall(r'id="fact-\d+"', html)) == len(then.facts) < len(facts)
    assert f"{len(facts) - len(then.facts)} facts came later" in html


def test_a_replay_shows_the_e_mails_that_were_known_then(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    """Before, a view as known on a day had the e-mails that were made and sent after it."""
    made = letters_of(sample.context(), CASE)
    until = "2026-04-13T22:59:59.999999Z"  # the end of 13 April in London
    then = [each for each in made if each.created_at <= until]
    assert 0 < len(then) < len(made)
    query = {"as_at": TODAY.isoformat(), "known_at": "2026-04-13", "show": "letters"}
    html = browsers("auditor").get(f"/cases/{CASE}", params=query).text
    assert html.count("app-timeline__item--letters") == len(then)
    assert 'sent <time datetime="2026-04-14' not in html
    later = CaseLetter(**{**dict(then[0]), "state": "sent", "sent_at": "2026-04-14T08:00:00.000000Z"})
    [entry] = timeline(
        report(sample.context(), CASE, TODAY, until), [later], {"show": "letters"}, load_escalation_policy()
    )
    assert entry.letter is not None
    assert (entry.letter.state, entry.letter.sent_at, entry.letter.letter) == ("created", None, None)


@pytest.mark.parametrize("form", ["", "&format=csv", "&format=xlsx"])
def test_a_filter_that_the_list_does_not_know_is_named_and_nothing_else_is_shown(
    browsers: Callable[[str], Browser], form: str
) -> None:
    answer = browsers("dco.team").get(f"/cases?show=nonsense{form}")
    assert (answer.status_code, "The list has no such filter" in answer.text) == (400, True)
    assert "does not know what the address gives for show." in answer.text and CASE not in answer.text


@pytest.mark.parametrize("place", ["/today", "/lists/late", "/cases"])
def test_an_authority_that_there_is_not_is_not_shown_as_one_without_late_duties(
    browsers: Callable[[str], Browser], place: str
) -> None:
    dco = browsers("dco.team")
    assert "There is no authority nowhere here" in dco.get(f"{place}?la=nowhere").text
    assert "There is no" not in dco.get(f"{place}?la=northshire&body=QX101&process=tribunal").text


def test_who_asks_for_too_early_a_day_finds_the_way_back_to_the_case(browsers: Callable[[str], Browser]) -> None:
    answer = browsers("auditor").get(f"/cases/{CASE}", params={"as_at": "2001-01-01"})
    assert answer.status_code == 404
    assert re.search(r"Its first fact is of \d+ \w+ \d{4}, and was recorded on \d+ \w+ \d{4}\.", answer.text)
    assert (
        f'href="/cases/{CASE}#replay"' in answer.text
        and 'id="replay"' in browsers("auditor").get(f"/cases/{CASE}").text
    )


@pytest.mark.parametrize("query", ["as_at=yesterday", "known_at=x", "as_at=2026-02-30"])
def test_a_day_that_is_none_is_refused_in_words(browsers: Callable[[str], Browser], query: str) -> None:
    answer = browsers("auditor").get(f"/cases/{CASE}?{query}")
    assert (answer.status_code, "That is no day" in answer.text) == (400, True)
    assert f'href="/cases/{CASE}"' in answer.text


def test_the_count_of_a_date_is_the_one_of_the_command(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    found = report(sample.context(), CASE)
    duty = next(each for each in found.duties if each.due)
    html = browsers("auditor").get(f"/cases/{CASE}/why/{duty.rule}/{duty.opened_seq}").text
    assert "day one" in html or "Day one" in html or "Start:" in html
    assert f'datetime="{duty.due}"' in html


def test_the_page_of_a_date_says_why_a_pack_changed_its_rule_in_force(
    sample: Installation, browsers: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = report(sample.context(), CASE)
    duty = next(each for each in found.duties if each.due)
    changed = [f"{duty.rule} from 1 Sep 2014: 6 weeks, then 5 weeks", "another_rule: 6 weeks, then 5 weeks"]
    adoption = Adoption(
        number=1, adopted_at="2026-02-10T09:00:00Z", actor="dco.team", pack="p", files=[], before="b", after="a",
        cases=1, moved=1, changed="misread", in_force=changed,
    )  # fmt: skip
    monkeypatch.setattr("casework.declared_changes.adoptions", lambda _context: [adoption])
    html = browsers("auditor").get(f"/cases/{CASE}/why/{duty.rule}/{duty.opened_seq}").text
    assert f"2026-02-10, dco.team: the law was misread: {changed[0]}" in html
    assert "another_rule" not in html


def test_the_history_can_be_filtered_and_turned_round(browsers: Callable[[str], Browser]) -> None:
    auditor = browsers("auditor")

    def facts(query: str) -> list[int]:
        return [int(each) for each in re.findall(r'id="fact-(\d+)"', auditor.get(f"/cases/{CASE}?{query}").text)]

    both = facts("")
    people, besides = facts("show=people"), facts("show=people&not=yes")
    assert sorted(people + besides) == sorted(both)
    assert people
    assert facts("order=oldest") == both[::-1]
    requests, others = facts("kind=health_advice_requested"), facts("kind=health_advice_requested&not=yes")
    assert requests == [3]
    assert sorted(requests + others) == sorted(both)
    assert set(facts("by=sendflow")) | set(facts("by=sample")) == set(both)
    assert facts("text=an+earlier+step") == facts("kind=rung_withdrawn") != []
    assert "No line of the history is like that" in auditor.get(f"/cases/{CASE}?text=zzz").text


def test_every_look_is_logged_and_shown_to_auditors(browsers: Callable[[str], Browser]) -> None:
    auditor = browsers("auditor")
    auditor.get(f"/cases/{CASE}")
    html = auditor.get(f"/cases/{CASE}/looks").text
    assert "auditor" in html
    assert ">page of a case<" in html


def test_each_letter_is_shown_as_it_was_sent(sample: Installation, browsers: Callable[[str], Browser]) -> None:
    dco, found = browsers("dco.team"), letters(as_seen_by(sample.context(), "dco.team"))
    assert f'<span class="app-number">{len(found)}</span>' in dco.get("/letters").text
    page = dco.get(f"/letters/{found[0].id}").text
    assert found[0].mailbox in page
    assert "As its reader sees it" in page


def test_a_provider_sees_the_references_of_its_own_duties_only(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    html = browsers("provider").get("/own").text
    refs = set(re.findall(r"\b(?:SP|NX|SF-|SA|SC|ST|TT)\d+\b", html))
    own = {row.case_ref for row in overdue(sample.context(), TODAY) if row.body == "QX101"}
    assert own <= refs | set(re.findall(r">\s*([A-Z]+-?\d{3,9})\b", html))
    assert "/cases/" not in html
    # Its own name is above the list, and each row begins with the service; an authority reads whose each duty is.
    assert "<strong>Northshire Community Health NHS Trust</strong>" not in html
    assert "<strong>Community Paediatrics</strong>" in html
    assert re.search(r"<strong>[^<]* NHS [^<]*</strong>", browsers("council").get("/own").text)


def test_lists_are_stored_as_files_in_which_nothing_is_a_formula(browsers: Callable[[str], Browser]) -> None:
    dco = browsers("dco.team")
    text = dco.get("/lists/late?format=csv").text
    assert "Head of the ledger" in text
    assert "SIMULATION" in text
    book = dco.get("/cases?show=all&format=xlsx")
    assert book.content[:2] == b"PK"
    assert "attachment" in book.headers["content-disposition"]


def test_forty_threads_that_write_and_read_wait_for_no_connection(tmp_path: Path) -> None:
    """Each page notes who looked before it is shown. As it was, the sixteenth thread waited 30 seconds and failed."""
    context = AppContext.load(Settings(home=ready(tmp_path / "var"), today=date(2026, 3, 2)))
    gate = Barrier(40)

    def look(number: int) -> int:
        gate.wait(60)
        note_look(context, f"NX{number:05d}", "dco.team", "case")
        return len(looks_at(context, f"NX{number:05d}"))

    with ThreadPoolExecutor(40) as threads:
        assert list(threads.map(look, range(40))) == [1] * 40
    context.engine.dispose()


def test_outcomes_of_e_mails_of_one_day_are_folded_and_a_filter_shows_each(browsers: Callable[[str], Browser]) -> None:
    auditor = browsers("auditor")
    page = auditor.get("/cases/SP90001").text
    assert re.search(r"<summary>\d+ facts of <time[^>]*>[^<]*</time>: e-mail sent</summary>", page)
    assert "rung" not in re.sub(r"<[^>]*>", " ", page.partition('id="history"')[2]).lower()
    every = auditor.get("/cases/SP90001?kind=notice_sent").text
    assert "app-fold" not in every
    numbers = set(re.findall(r'id="fact-(\d+)"', page))
    assert numbers > set(re.findall(r'id="fact-(\d+)"', every)) != set()


def test_a_case_page_reads_and_replays_its_case_once_on_one_connection(
    sample: Installation, browsers: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, read, opened = browsers("dco.team"), [], []

    def counted(connection: Connection, *refs: str) -> list[list[StoredFact]]:
        read.append(refs)
        return read_histories(connection, *refs)

    def note(*_connection: object) -> None:
        opened.append(1)

    for module in (case_report, recordable):
        monkeypatch.setattr(module, "read_histories", counted)
    browser.get(f"/cases/{CASE}")
    read.clear()
    event.listen(sample.engine, "checkout", note)
    html = browser.get(f"/cases/{CASE}").text
    event.remove(sample.engine, "checkout", note)
    assert "Record what happened" in html
    assert read == [(CASE,)]
    assert len(opened) <= 4, "the session takes two; then one connection reads, and one logs the look"


def test_a_page_whose_look_is_written_reads_nothing_while_its_template_is(
    sample: Installation, browsers: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the snapshot has ended by then, so what the template read would be of another instant."""
    browser, opened, templates = browsers("dco.team"), [], []

    def rendered(template: str, values: Mapping[str, Any]) -> str:
        templates.append(template)
        event.listen(sample.engine, "checkout", note)
        try:
            return render(template, values)
        finally:
            event.remove(sample.engine, "checkout", note)

    def note(*_connection: object) -> None:
        opened.append(templates[-1])

    monkeypatch.setattr(app, "render", rendered)
    page = browser.get(f"/cases/{CASE}").text
    browser.get(f"/cases/{CASE}", params={"as_at": TODAY.isoformat(), "recorded": "3"})
    browser.get(re.findall(r'href="(/cases/[^"]*/why/[^"]*)"', page)[0])
    assert templates == ["case.html", "case.html", "why.html"]
    assert opened == []
