"""How the columns of a tracker are called: each list of words, a form that changes it, and what headers would mean."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from casework.imports.staged import headers_sent
from casework.own_file_changes import WrongChange
from casework.tracker_words import ProposedWords, meaning, propose_words, record_words, word_lists
from config.tracker_edit import SHORT, WordList
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.labels import first_capital

LONGEST = 120
MOST_HEADERS = 200
SHOWN = 50
MEANWHILE = "The list was changed meanwhile. Look at it again, then send the form again"


def overview(asked: Asked) -> Answer:
    """Every list of words; and what a header would mean, where one is asked."""
    header = asked.query.get("header", "").strip()[:LONGEST]
    values: dict[str, Any] = {"title": "Columns of the tracker", "lists": word_lists(asked.context), "typed": header}
    values |= {"means": meaning(asked.context, header) if header else "", "done": asked.query.get("done", "")}
    return Page("columns.html", values)


def form(asked: Asked) -> Answer:
    """The form of one list."""
    found = _list(asked)
    return _page(asked, found) if found is not None else no_page(404)


def change(asked: Asked) -> Answer:
    """Say what other words for a list would mean for each header; then record them."""
    found = _list(asked)
    if found is None:
        return no_page(404)
    words, place = asked.form.get("words", "").splitlines(), found.place
    try:
        if asked.form.get("base") != _digest(found):
            raise WrongChange(MEANWHILE)
        if asked.form.get("step") != "record":
            own = _headers(asked) or headers_sent(asked.context, asked.account)
            return _page(asked, found, propose_words(asked.context, place, words, own))
        record_words(asked.context, place, words, asked.account, "page")
    except WrongChange as problem:
        return _page(asked, found, error=first_capital(str(problem)))
    return GoTo("/columns?done=words")


def _list(asked: Asked) -> WordList | None:
    return next((each for each in word_lists(asked.context) if each.place == asked.place["place"]), None)


def _digest(found: WordList) -> str:
    """What the list says, so that a change of somebody else is noticed."""
    return hashlib.sha256("\n".join(found.words).encode()).hexdigest()[:16]


def _headers(asked: Asked) -> list[str]:
    """The header row of a tracker as a spreadsheet copies it, or one header a line."""
    given = re.split(r"[\t\r\n]+", asked.form.get("headers", ""))
    return list(dict.fromkeys(each.strip()[:LONGEST] for each in given if each.strip()))[:MOST_HEADERS]


def _page(asked: Asked, found: WordList, proposal: ProposedWords | None = None, error: str = "") -> Page:
    text = asked.form.get("words", "\n".join(found.words))
    values: dict[str, Any] = {"title": found.title, "list": found, "words": text, "base": _digest(found)}
    values |= {"proposal": proposal, "pasted": bool(_headers(asked)), "headers": asked.form.get("headers", "")}
    values |= {"shown": SHOWN, "is_short": found.place == SHORT, "error": error, "errors": bool(error)}
    return Page("columns_words.html", values, 400 if error else 200)
