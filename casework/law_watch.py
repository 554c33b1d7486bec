"""The law watch: each thing of the law that may change, with who last checked it, when and what they found.

Purpose: a time limit that changed unnoticed is calculated wrongly for every case. A check is recorded for ever, in the
name of a person, and changes no date: a change of law is a rule pack. Instants are in UTC, days those of London.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.context import AppContext, instant, london_day
from casework.rules.config_held import hold
from config.law_watch import Watch, load_law_watch
from models.database import reading, transact
from models.errors import Refusal
from models.tables import CONFIG_HELD

KIND = "law_watch"
LONGEST = timedelta(days=60)  # an entry that nobody has checked for longer is due
FOUND = {"unchanged": "nothing has changed", "changed": "it has changed: a rule pack is needed"}


class LawCheck(BaseModel):
    """One check: when, by whom, and what was found: `unchanged` or `changed`."""

    model_config = ConfigDict(frozen=True)
    at: str
    actor: str
    found: str


class Watched(BaseModel):
    """One entry with its newest check. `due`: nobody has checked it for 60 days, or ever."""

    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    may_change: str
    source: str
    rules: list[str]
    last: LawCheck | None
    due: bool


class WrongCheck(Refusal, ValueError):
    """There is no such entry, or what was found is no word that a check has."""

    default_code = "bad_law_check"


def watched(context: AppContext) -> list[Watched]:
    """Every entry of this installation, those that are due first. Raises ConfigFault."""
    found = [_watched(context, word, each) for word, each in _entries(context).items()]
    return sorted(found, key=lambda each: not each.due)


def checks_of(context: AppContext, word: str) -> list[LawCheck]:
    """Every check of an entry, the newest first."""
    columns = (CONFIG_HELD.c.at, CONFIG_HELD.c.actor, CONFIG_HELD.c.text)
    query = select(*columns).where(CONFIG_HELD.c.kind == KIND, CONFIG_HELD.c.name == word)
    with reading(context.engine) as connection:
        rows = connection.execute(query.order_by(CONFIG_HELD.c.number.desc())).all()
    return [LawCheck(at=row.at, actor=row.actor, found=row.text) for row in rows]


def record_check(
    context: AppContext, word: str, found: str, actor: str, via: Literal["page", "law-watch"] = "law-watch"
) -> Watched:
    """Record that a person checked an entry. Raises WrongCheck, which names what was expected."""
    entries = _entries(context)
    if word not in entries:
        raise WrongCheck(f"nothing of that id is watched: expected one of {', '.join(entries)}")
    if found not in FOUND:
        raise WrongCheck(f"what was found is one of {', '.join(FOUND)}, as in unchanged")
    at = instant(context.now())
    transact(context.engine, lambda connection: hold(connection, KIND, word, found, at=at, actor=actor, via=via))
    return _watched(context, word, entries[word])


def _entries(context: AppContext) -> dict[str, Watch]:
    return dict(load_law_watch(context.own_file("law_watch.toml")))


def _watched(context: AppContext, word: str, entry: Watch) -> Watched:
    last = next(iter(checks_of(context, word)), None)
    due = last is None or context.today() - london_day(datetime.fromisoformat(last.at)) > LONGEST
    rules = [rule for rule in entry.rules if rule in context.law.rules]
    return Watched(
        id=word, title=entry.title, may_change=entry.may_change, source=entry.source, rules=rules, last=last, due=due
    )
