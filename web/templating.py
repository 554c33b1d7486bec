"""Renders the templates: one environment, with the words and days that every page writes alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PackageLoader
from markupsafe import Markup

from casework.reports.item_words import item_name
from config.directory import Directory
from config.escalation_policy import EscalationPolicy
from config.law import Law
from config.step_words import step_name
from config.text import ISO_DAY, counted, full_day, full_weekday, in_days, short_day, short_weekday, with_days
from web import labels
from web.cell_tag import CellTag
from web.quick_escape import QuickEnvironment

FOLDER = Path(__file__).parent
LONDON = ZoneInfo("Europe/London")


@cache
def environment() -> Environment:
    """The environment of all pages. The macros of nhsuk-frontend want names that may be missing."""
    made = QuickEnvironment(
        loader=ChoiceLoader([FileSystemLoader(FOLDER / "templates"), PackageLoader("nhsuk_frontend_jinja")]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # the files change with an update, which starts the program again
        extensions=[CellTag],
    )
    made.filters |= {
        "day": day,
        "short": short,
        "words": labels.words,
        "looked_at": labels.looked_at,
        "field": labels.field,
        "fact": labels.fact,
        "why_not": labels.why_not,
        "person": labels.person,
        "problem": labels.problem,
        "breakable": breakable,
        "status": labels.status,
        "basis": labels.basis,
        "template": labels.template,
        "item_name": lambda each: item_name(each.called, each.item),
        "first_capital": labels.first_capital,
        "when": when,
        "in_days": in_days,
        "counted": counted,
        "with_days": with_days,
        "weekday": full_weekday,
    }
    made.globals |= {"static": static_address}
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """The HTML of a page."""
    return environment().get_template(template).render(values)


@cache
def static_address(name: str) -> str:
    """The address of a static file, with its digest: a changed file has another address, so caches never ask again."""
    digest = hashlib.sha256((FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def day(value: date | str | None) -> str:
    """13 April 2026."""
    found = _day(value)
    return full_day(found) if found else "no date"


@lru_cache(maxsize=4096)
def short(value: date | str | None) -> Markup:
    """Mon 13 Apr 2026, with the day for programs."""
    found = _day(value)
    if found is None:
        return Markup("no date")
    return Markup('<time datetime="{}" class="app-nowrap">{}</time>').format(found.isoformat(), short_weekday(found))


@lru_cache(maxsize=4096)
def when(instant: str | None) -> Markup:
    """27 Apr 2026 at 14:05, in London, with the instant for programs."""
    if not instant:
        return Markup("-")
    moment = datetime.fromisoformat(instant).astimezone(LONDON)
    return Markup('<time datetime="{}">{}</time>').format(instant, f"{short_day(moment)} at {moment:%H:%M}")


def breakable(text: str) -> Markup:
    """An address that may be broken before its signs, and not within its words."""
    return Markup("").join(Markup("<wbr>{}").format(part) if number else part for number, part in _parts(text))


def _parts(text: str) -> Iterable[tuple[int, str]]:
    return enumerate(re.split(r"(?=[.@_-])", text))


class Names:
    """The names of what is stored as codes, from directory, law and escalation policy of an installation."""

    def __init__(self, directory: Directory, law: Law, policy: EscalationPolicy) -> None:
        """Reads nothing yet."""
        self.directory, self.law, self.policy = directory, law, policy
        self._said: dict[str, Callable[[str], str]] = {
            "rule": self._rule,
            "body": self.body_name,
            "redirected_to": self.body_name,
            "service": self.service_name,
            "la": self.la_name,
            "rung": self.step_name,
            "recipient": labels.person,
        }

    def field_value(self, name: str, value: object, item_words: Mapping[str, str] | None = None) -> object:
        """The value of a fact's field, in words. `item_words` says what each item of the case is about."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list | tuple):
            return ", ".join(labels.words(each) for each in value)
        if (said := self._named(name, str(value))) is not None:
            return said
        if name == "item":
            about = (item_words or {}).get(str(value))
            return f"{labels.words(value)} ({labels.words(about)})" if about else labels.words(value)
        return short(value) if isinstance(value, str) and ISO_DAY.fullmatch(value) else labels.words(value)

    def _named(self, name: str, value: str) -> str | None:
        """The name of what a code stands for; None for a value that is no code."""
        said = self._said.get(name)
        if said is not None:
            return said(value)
        if value in self.directory.body_names:
            return self.body_name(value)
        return self.la_name(value) if name.endswith("_la") else None

    def _rule(self, rule: str) -> str:
        return self.law.rules[rule].action if rule in self.law.rules else labels.words(rule)

    def body_name(self, code: str | None) -> str:
        """The name of a body in the directory; its code where it is no longer there."""
        return self.directory.body_names.get(code or "", code or "")

    def service_name(self, service: str | None) -> str:
        """The name of a service."""
        return self.directory.service_name(service) if service else ""

    def la_name(self, la: str | None) -> str:
        """The name of a local authority."""
        return self.directory.la_name(la) if la else "no authority recorded"

    def step_name(self, rung: str) -> str:
        """The name of a step of the escalation policy."""
        return step_name(rung, self.policy)

    def owes(self, rule: str, body: str | None, la: str | None) -> str:
        """Who owes a duty: the body or the authority by its name, else whom the law names, in words."""
        duty_on = self.law.rules[rule].duty_on or "-"
        if body or (la and duty_on.startswith("LA")):
            return self.body_name(body) if body else self.la_name(la)
        return labels.first_capital(labels.party(duty_on))


CALLED = ("body_name", "service_name", "la_name", "step_name", "field_value", "owes")
_NAMES: dict[str, Any] = {}  # of the directory, law and policy that were asked for last: every page asks


def names_for(directory: Directory, law: Law, policy: EscalationPolicy) -> Mapping[str, Any]:
    """What templates call for the names of bodies, services, authorities, steps and values of fields."""
    known = _NAMES.get("names")
    if known is None or not (known.directory is directory and known.law is law and known.policy is policy):
        known = _NAMES["names"] = Names(directory, law, policy)
    return {name: getattr(known, name) for name in CALLED}


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
