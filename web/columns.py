"""How the columns of a tracker are called: each list of words, a form that changes it, and what a header would mean."""

from __future__ import annotations

from typing import Any

from casework.own_file_changes import WrongChange
from casework.tracker_words import meaning, record_words, word_lists
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.labels import first_capital

LONGEST = 120


def overview(asked: Asked) -> Answer:
    """Every list of words; and what a header would mean, where one is asked."""
    header = asked.query.get("header", "").strip()[:LONGEST]
    values: dict[str, Any] = {"title": "Columns of the tracker", "lists": word_lists(asked.context), "header": header}
    values |= {"means": meaning(asked.context, header) if header else "", "done": asked.query.get("done", "")}
    return Page("columns.html", values)


def form(asked: Asked) -> Answer:
    """The form of one list."""
    return _form(asked)


def change(asked: Asked) -> Answer:
    """Record other words for a list."""
    words = asked.form.get("words", "").splitlines()
    try:
        record_words(asked.context, asked.place["place"], words, asked.account, "page")
    except WrongChange as problem:
        return _form(asked, first_capital(str(problem)))
    return GoTo("/columns?done=words")


def _form(asked: Asked, error: str = "") -> Page:
    found = next((each for each in word_lists(asked.context) if each.place == asked.place["place"]), None)
    if found is None:
        return no_page(404)
    text = asked.form.get("words", "\n".join(found.words))
    values: dict[str, Any] = {"title": found.title, "list": found, "words": text, "error": error}
    return Page("columns_words.html", values | {"errors": bool(error)}, 400 if error else 200)
