"""Kinds of field that a fact may have besides words, days and codes: money, lists, documents, scores, other facts,
and links to other cases.

Each is stored as plain text, a whole number or a list of texts, as canonical JSON allows. A person may write each on
the command line and on a page; `form_of` says which kind a form asks for, with an example.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.fields import FieldInfo

from models.facts import LARGEST, FactData, FreeTextField, Slug

POUNDS = re.compile(r"(£?)\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{2}))?")
CASE = re.compile(r"[A-Z]{1,4}-?[0-9]{3,9}")
FACT = re.compile(r"([A-Z]{1,4}-?[0-9]{3,9})/([1-9][0-9]{0,5})")
ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
STORED = re.compile(r"w[0-9a-f]{20}\.[0-9a-f]{64}")  # how a fact holds a free text
SHA256 = re.compile(r"[0-9a-f]{64}")


class Form(NamedTuple):
    """What a form asks for. Annotates a field; pydantic does not read it."""

    kind: Literal["money", "list", "fact", "case"]
    example: str


class LinkRole(NamedTuple):
    """What a case is to another one that a fact names, and what the other is to it, in words. Annotates a field.

    The words follow a reference: `NX00042 follows SF-000001`, and on the other case `is followed by`.
    """

    name: str
    says: str
    says_back: str


def pence(value: Any) -> Any:
    """Whole pence of "£12.50", "12.50" or "1,234.00"; digits alone are pence. A number of another form is refused.

    Raises ValueError, which does not repeat the value.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("an amount was expected: pounds as £12.50, or whole pence as 1250")
    if isinstance(value, int):
        return value
    found = POUNDS.fullmatch(value.strip())
    if found is None:
        raise ValueError("an amount was expected: pounds as £12.50, or whole pence as 1250")
    sign, whole, rest = found[1], int(found[2].replace(",", "")), found[3]
    return whole if not sign and rest is None and "," not in found[2] else whole * 100 + int(rest or 0)


def in_pounds(amount: int) -> str:
    """Whole pence as pounds: 123450 is £1,234.50."""
    return f"£{amount // 100:,}.{amount % 100:02}"


def _several(value: Any) -> Any:
    """A text with commas is a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _each_once(value: list[str]) -> list[str]:
    if len(set(value)) != len(value):
        raise ValueError("each once was expected, separated by commas")
    return value


def _fact(value: str) -> str:
    if not FACT.fullmatch(value):
        raise ValueError("a case and the number of its fact were expected, for example NX00042/3")
    return value


def _case(value: str) -> str:
    if not CASE.fullmatch(value):
        raise ValueError("the reference of a case was expected, for example NX00042")
    return value


def _digest(value: str) -> str:
    if not SHA256.fullmatch(value):
        raise ValueError("a SHA-256 of 64 small hexadecimal digits was expected")
    return value


def _mailbox(value: str) -> str:
    """An address as people write it; a correction gives again what stands for the encrypted one."""
    if not (ADDRESS.fullmatch(value) or STORED.fullmatch(value)):
        raise ValueError("one e-mail address was expected")
    return value


# The mailbox of somebody outside. A model names such a field in FREE_TEXT_FIELDS, so that it is stored encrypted.
Mailbox = Annotated[str, Field(max_length=254), AfterValidator(_mailbox), Form("words", "name@example.org")]
# The key of such a field ends in `_pence`.
Pence = Annotated[int, BeforeValidator(pence), Field(ge=0, lt=LARGEST), Form("money", "£12.50")]
Slugs = Annotated[
    list[Slug], BeforeValidator(_several), AfterValidator(_each_once), Field(min_length=1), Form("list", "one, two")
]
FactReference = Annotated[str, AfterValidator(_fact), Form("fact", "NX00042/3")]
FactReferences = Annotated[
    list[Annotated[str, AfterValidator(_fact)]], Field(min_length=1), Form("list", "NX00042/3, NX00043/5")
]
# A link to another case. A field has `Annotated[CaseLink, LinkRole(...)]`; a fact with the field `role` names the role.
CaseLink = Annotated[str, AfterValidator(_case), Form("case", "NX00042")]
Sha256 = Annotated[str, AfterValidator(_digest)]


class Document(FactData):
    """Fields of a fact about a document. sendflow stores no document: where it is held, and the digest of its bytes.

    The title is stored encrypted, because it may name a child. A model with free texts of its own names the title too.
    """

    document_title: FreeTextField
    document_kind: Slug
    document_held_in: Slug
    document_on: date
    document_sha256: Sha256 | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"document_title"})


class ScoredForm(NamedTuple):
    """One version of a form: its name and version as facts store them, and the scores that each criterion may have.

    A version never changes: another criterion or another scale is another version.
    """

    name: str
    criteria: Mapping[str, tuple[str, ...]]

    def checked(self, scores: list[str]) -> list[str]:
        """The scores, each as criterion=score, in the order of the form. Raises ValueError."""
        given: dict[str, str] = {}
        for each in scores:
            criterion, _, score = (part.strip() for part in each.partition("="))
            if criterion not in self.criteria:
                raise ValueError(f"criterion=score was expected, with the criteria {', '.join(self.criteria)}")
            if criterion in given:
                raise ValueError(f"{criterion} is scored twice: one score each was expected")
            if score not in self.criteria[criterion]:
                raise ValueError(f"{criterion} takes one of {', '.join(self.criteria[criterion])}")
            given[criterion] = score
        if missing := [name for name in self.criteria if name not in given]:
            raise ValueError(f"{', '.join(missing)} is not scored: one score each was expected")
        return [f"{criterion}={given[criterion]}" for criterion in self.criteria]

    @property
    def scores(self) -> Any:
        """The type of a field with the scores of this version."""
        first = ", ".join(f"{criterion}={scale[0]}" for criterion, scale in self.criteria.items())
        return Annotated[list[str], BeforeValidator(_several), AfterValidator(self.checked), Form("list", first)]

    @property
    def version(self) -> Any:
        """The type of the field that names this version."""
        return Literal[self.name]


class FactOfKind:
    """In a field that names a fact of another case: of which kinds that fact is."""

    def __init__(self, *kinds: str) -> None:
        """Takes the kinds."""
        self.kinds = kinds


@cache
def kinds_named(model: type[FactData], field: str) -> tuple[str, ...]:
    """Of which kinds the fact is that a field names; none where it may be of any."""
    found = (each for each in _annotations(model.model_fields[field]) if isinstance(each, FactOfKind))
    return next((each.kinds for each in found), ())


def form_of(info: FieldInfo) -> Form | None:
    """What a form asks for in this field; None for words, days, numbers and choices."""
    return next((each for each in _annotations(info) if isinstance(each, Form)), None)


def _annotations(info: FieldInfo) -> list[Any]:
    return [*info.metadata, *_inside(info.annotation)]


@cache
def links_in(model: type[FactData]) -> Mapping[str, LinkRole | None]:
    """The fields of a fact that link its case to another, with the role; None where the fact's own field says it."""
    return {
        name: next((each for each in _annotations(info) if isinstance(each, LinkRole)), None)
        for name, info in model.model_fields.items()
        if (form := form_of(info)) is not None and form.kind == "case"
    }


def facts_named(model: type[FactData], data: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """The facts of other cases that the fields of a fact name, by field: the case and the number."""
    found: dict[str, tuple[str, int]] = {}
    for name in fields_naming_facts(model):
        value = data.get(name)
        if isinstance(value, str) and (said := FACT.fullmatch(value)):
            found[name] = (said[1], int(said[2]))
    return found


@cache
def fields_naming_facts(model: type[FactData]) -> tuple[str, ...]:
    """The fields of a model that name facts. Every act asks, and a model does not change while the program runs."""
    forms = {name: form_of(info) for name, info in model.model_fields.items()}
    return tuple(name for name, form in forms.items() if form is not None and form.kind == "fact")


def _inside(annotation: Any) -> list[Any]:
    """Everything that a type is annotated with, however deep."""
    found = list(getattr(annotation, "__metadata__", ()))
    for each in get_args(annotation):
        found += _inside(each)
    return found
