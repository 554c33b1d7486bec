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

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from config.text import counted, full_day, full_weekday, in_days, short_day, short_weekday
from web import labels
from web.cell_tag import CellTag

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FOLDER = Path(__file__).parent
LONDON = ZoneInfo("Europe/London")


@cache
def environment() -> Environment:
    """The environment of all pages. The macros of nhsuk-frontend want names that may be missing."""
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(FOLDER / "templates"), PackageLoader("nhsuk_frontend_jinja")]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[CellTag],
    )
    made.filters |= {
        "day": day,
        "short": short,
        "words": labels.words,
        "field": labels.field,
        "fact": labels.fact,
        "step": labels.step,
        "person": labels.person,
        "problem": labels.problem,
        "breakable": breakable,
        "status": labels.status,
        "first_capital": labels.first_capital,
        "when": when,
        "in_days": in_days,
        "counted": counted,
        "with_days": with_days,
        "weekday": full_weekday,
    }
    made.globals |= {"static": static_address}
    made.globals["field_value"] = field_value
    made.globals["body_name"] = body_name
    made.globals["service_name"] = service_name
    made.globals["la_name"] = la_name
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


@pass_context
def field_value(context: Context, name: str, value: object) -> object:
    """The value of a fact's field, in words."""
    said: dict[str, Callable[[str], object]] = {
        "rule": lambda rule: context["rules"][rule].action if rule in context["rules"] else labels.words(rule),
        "body": lambda code: body_name(context, code),
        "redirected_to": lambda code: body_name(context, code),
        "service": lambda service: service_name(context, service),
        "la": lambda la: la_name(context, la),
        "item": lambda code: _item(context, code),
        "rung": labels.step,
        "recipient": labels.person,
    }
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(labels.words(each) for each in value)
    if name in said:
        return said[name](str(value))
    return short(value) if isinstance(value, str) and ISO_DAY.fullmatch(value) else labels.words(value)


@pass_context
def body_name(context: Context, code: str | None) -> str:
    """The name of a body in the directory; its code where it is no longer there."""
    directory = context["directory"]
    return next((each.name for each in directory.bodies if each.body == code), code or "")


def _item(context: Context, code: str) -> str:
    said = (context.get("item_words") or {}).get(code)
    return f"{labels.words(code)} ({labels.words(said)})" if said else labels.words(code)


@pass_context
def service_name(context: Context, service: str | None) -> str:
    """The name of a service."""
    return context["directory"].service_name(service) if service else ""


@pass_context
def la_name(context: Context, la: str | None) -> str:
    """The name of a local authority."""
    return context["directory"].la_name(la) if la else "no authority recorded"


def with_days(text: str) -> str:
    """A sentence with its days as people write them, such as 21 Dec 2026."""
    return ISO_DAY.sub(lambda found: short_day(date.fromisoformat(found[0])), text)


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
