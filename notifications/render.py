"""Render a letter from its template, version and fields. Pure: the same arguments give the same letter years later.

The database stores the template's id, its version and the fields of a letter, but not its text. So every released
version of a template stays in the folder, and a change of wording is a new file. A field that a template needs and
does not get is an error, never a blank.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config import text
from config.toml_reader import first_fault
from models.errors import SendflowError
from models.facts import Slug
from notifications import layout
from notifications.letter_table import by_provider, matters

if TYPE_CHECKING:  # Jinja is imported where a letter is rendered: commands that only look render none
    from jinja2 import Environment
    from jinja2 import Template as JinjaTemplate
    from jinja2.runtime import Context

FOLDER = Path(__file__).parent / "templates"
FRONT = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n(.*)\Z", re.DOTALL)
SET = re.compile(r"{%-? *set +(\w+)")
NAME = re.compile(r"([a-z][a-z0-9_]*)-([1-9][0-9]*)\.(md|part)")


class RenderError(SendflowError, ValueError):
    """A letter cannot be rendered. The message names the template, the version and what is missing, never a value."""

    default_code = "letter_template"


class Rendered(NamedTuple):
    """A rendered letter: subject, plain text, HTML."""

    subject: str
    text: str
    html: str


def content_digest(content: Rendered) -> str:
    """The SHA-256 of a letter's subject, text and HTML, which is stored when it is sent."""
    return hashlib.sha256("\0".join(content).encode()).hexdigest()


class Template(BaseModel):
    """A released version of one letter.

    `called_for` says when the letter is needed: while the duty is open, once it is met, once it has ended unmet, or
    always. `about` names the subject of the letter in the singular and the plural, for letters with several items.
    `ask` is what the recipient is asked to do, in the few words of a table; the action where it is empty. `wide`: its
    tables need a wider page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Slug
    version: Annotated[int, Field(ge=1)]
    purpose: Annotated[str, Field(min_length=10)]
    cites: tuple[str, ...]
    called_for: Literal["open", "met", "ended", "always"]
    about: tuple[str, str] = ("request for health advice", "requests for health advice")
    subject: str
    heading: str
    action: str
    ask: str = ""
    note: str = ""
    wide: bool = False
    body: str


class Shelf(NamedTuple):
    """Every version of every template, and the parts that several templates include."""

    templates: Mapping[tuple[str, int], Template]
    newest: Mapping[str, Template]
    environment: "Environment"


@cache
def shelf() -> Shelf:
    """Read the folder of templates once. Raises RenderError for a file that is not a template."""
    from jinja2 import Environment, StrictUndefined  # lazy, as above

    environment = Environment(
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (values are hidden marks here and escaped in blocks)
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(
        day=day,
        weekday=weekday,
        month_day=month_day,
        short_day=short_day,
        between=between,
        plural=text.counted,
        span=span,
    )
    environment.filters.update(matters=matters, by_provider=by_provider)
    templates: dict[tuple[str, int], Template] = {}
    parts: dict[str, str] = {}
    for path in sorted(FOLDER.iterdir()):
        named = NAME.fullmatch(path.name)
        if named is None:
            continue
        if named[3] == "part":
            parts[path.stem] = path.read_text("utf-8")
            continue
        template = _read(path)
        if (template.id, template.version) != (named[1], int(named[2])):
            raise RenderError(
                f"{path.name}: id and version inside say {template.id}-{template.version}; a file is named"
                " id-version.md"
            )
        templates[(template.id, template.version)] = template
    environment.globals["part"] = _part(parts)
    newest = {
        id_: max((one for one in templates.values() if one.id == id_), key=lambda one: one.version)
        for id_, _ in templates
    }
    return Shelf(templates, newest, environment)


def _part(parts: Mapping[str, str]) -> Callable[..., "_Made"]:
    from jinja2 import pass_context  # lazy, as above

    @pass_context
    def part(context: "Context", name: str, **more: Any) -> _Made:
        """Render a shared part with the fields of the letter around it and with `more`."""
        if name not in parts:
            raise RenderError(f"no part is called {name}")
        return _Made(_fill(context.environment, parts[name], {**context.get_all(), **more}, name))

    return part


def _read(path: Path) -> Template:
    found = FRONT.match(path.read_text("utf-8"))
    if found is None:
        raise RenderError(f"{path.name}: expected +++, lines of TOML, +++, then the letter")
    try:
        return Template.model_validate({**tomli.loads(found[1]), "body": found[2]})
    except tomli.TOMLDecodeError as error:
        raise RenderError(f"{path.name}: front matter: {error}") from None
    except ValidationError as error:
        raise RenderError(f"{path.name}: front matter: {first_fault(error, Template)}") from None


@cache
def fields_used(template: Template) -> Mapping[str, str]:
    """Each field that a letter uses, with the part of the letter that does; what it sets itself is left out."""
    from jinja2 import meta  # lazy, as above

    found: dict[str, str] = {}
    for part in ("subject", "heading", "action", "ask", "note", "body"):
        words = str(getattr(template, part))
        used = meta.find_undeclared_variables(shelf().environment.parse(words)) - set(SET.findall(words))
        found |= {name: part for name in sorted(used) if name not in found}
    return MappingProxyType(found)


def newest(template: str) -> Template:
    """Return the version that a letter written today uses. Raises RenderError for an unknown name."""
    found = shelf().newest.get(template)
    if found is None:
        raise RenderError(f"no letter is called {template}: expected one of {', '.join(sorted(shelf().newest))}")
    return found


def render(template: str, version: int, fields: Mapping[str, Any]) -> Rendered:
    """Render a letter. The field `simulation` marks its subject.

    Raises RenderError for an unknown version, a missing field or one of another form, and no other exception: a record
    that is wrong stops its own letter only.
    """
    try:
        return _rendered(_version(template, version), fields)
    except RenderError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise RenderError(f"letter {template}-{version}: a field has another form ({type(error).__name__})") from None


def _rendered(found: Template, fields: Mapping[str, Any]) -> Rendered:
    whole = _whole(found, fields)
    environment = shelf().environment
    name = f"{found.id}-{found.version}"
    subject = layout.shown(" ".join(_fill(environment, found.subject, whole, name).split()))
    if fields.get("simulation"):
        subject = f"SIMULATION: {subject}"
    try:
        made = layout.read(_fill(environment, found.body, whole, name))
    except ValueError as error:
        raise RenderError(f"{name}: {error}") from None
    return Rendered(
        subject, layout.to_text(made), layout.to_html(made, subject, layout.WIDE if found.wide else layout.NARROW)
    )


def _version(template: str, version: int) -> Template:
    found = shelf().templates.get((template, version))
    if found is None:
        raise RenderError(
            f"version {version} of the letter {template} is not in the folder; released versions are never deleted"
        )
    return found


def _whole(template: Template, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the heading, action and note that the front matter defines, also for its items."""
    whole = dict(fields)
    if "items" in fields:
        whole["items"] = [_item(fields, item) for item in fields["items"]]
    environment = shelf().environment
    name = f"{template.id}-{template.version}"
    for key in ("heading", "action", "note", "ask"):
        whole[key] = _Made(" ".join(_fill(environment, getattr(template, key), whole, name).split()))
    whole["ask"] = whole["ask"] or whole["action"]
    return whole


def _item(letter: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    template = _version(item["template"], item["version"])
    common = {key: value for key, value in letter.items() if key != "items"}
    return {
        **_whole(template, {**common, **item["fields"]}),
        "called_for": template.called_for,
        "about": template.about,
        "duty": item.get("duty"),
    }


class _Made(str):
    """Text that a template has already rendered. Its marks are layout, so they are not hidden."""

    __slots__ = ()


def _finalize(value: Any) -> Any:
    if isinstance(value, _Made):
        return value
    if value is None:
        raise RenderError("a field has no value")
    return layout.hidden(value) if isinstance(value, str) else value


def _fill(environment: "Environment", source: str, fields: Mapping[str, Any], name: str) -> str:
    from jinja2 import TemplateError  # lazy, as above

    try:
        return _compiled(environment, source).render(fields)
    except (TemplateError, RenderError) as error:
        # Jinja's own text for a missing field names the field and never its neighbours' values.
        raise RenderError(f"letter {name}: {error}") from None


@cache
def _compiled(environment: "Environment", source: str) -> "JinjaTemplate":
    return environment.from_string(source)


def _date(value: object) -> date:
    from jinja2 import Undefined  # lazy, as above

    if isinstance(value, Undefined):
        str(value)  # a strict undefined says its own name
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value) if isinstance(value, str) else "")
    except (TypeError, ValueError):
        raise RenderError("a day has no value, or not the form 2026-04-13") from None


def day(value: str | date) -> str:
    """Format 2026-04-13 as "13 April 2026"."""
    return text.full_day(_date(value))


def weekday(value: str | date) -> str:
    """Format 2026-04-13 as "Monday 13 April 2026"."""
    return text.full_weekday(_date(value))


def short_day(value: str | date) -> str:
    """Format 2026-04-13 as "13 Apr 2026", for a table."""
    return text.short_day(_date(value))


def month_day(value: str | date) -> str:
    """Format 2026-04-13 as "13 April", for a sentence that has the year already."""
    date_ = _date(value)
    return f"{date_.day} {date_:%B}"


def between(earlier: str | date, later: str | date) -> int:
    """Return the calendar days from one day to another; negative if the second is the earlier."""
    return (_date(later) - _date(earlier)).days


def span(days: int) -> str:
    """Format calendar days as people say them: 3 days, 2 weeks, 2 weeks and 1 day."""
    weeks, over = divmod(days, 7)
    parts: Sequence[str] = [text.counted(weeks, "week")] if weeks else []
    return " and ".join([*parts, text.in_days(over)] if over or not weeks else parts)
