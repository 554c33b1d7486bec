"""The frozen fact, the form of its text, and the facts that every process shares.

A fact is something that happened, in the past tense, on a day (`occurred_on`), learned at an instant (`recorded_at`,
UTC). Its text is canonical JSON (RFC 8785 for the values allowed here: ASCII keys, no floats, integers under 2**53).
Words that people write (reasons, notes, evidence) never stand in a fact: they go to a passage, and the fact keeps its
id.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from models.identifiers import identifier_in

REFERENCE = re.compile(r"[A-Z]{1,4}-?[0-9]{3,9}")
ACTOR = re.compile(r"(?=.{1,64}$)(?!.*[0-9]{5})(?:[a-z][a-z0-9]*|[A-Z]{2,4})(?:[._@-](?:[a-z0-9]+|[A-Z]{2,4}))*")
LARGEST = 2**53
GENESIS = "0" * 64
PLAIN = frozenset({str, bool, type(None)})
CODE = re.compile(r"[A-Z0-9]{3,8}")
SLUG = re.compile(r"[a-z][a-z0-9_]{1,59}")


class _Texts(dict[date, str]):
    """Days as ISO 8601 text, each written once: a case has the same few days over and over, and to write one costs as
    much as ten look-ups.
    """

    def __missing__(self, day: date) -> str:
        text = self[day] = day.isoformat()
        return text


iso = _Texts().__getitem__


# The same few codes and words stand in every fact, and only what was found good is kept in mind.


@lru_cache(maxsize=1024)
def _handle(actor: str) -> str:
    if not ACTOR.fullmatch(actor) or identifier_in(actor) is not None:
        raise ValueError("an account name in small letters, without blanks, for example dco.team or sam@icb.example")
    return actor


@lru_cache(maxsize=1024)
def _code(value: str) -> str:
    if not CODE.fullmatch(value):
        raise ValueError("an organisation code of capital letters and digits, for example QX001")
    return value


@lru_cache(maxsize=1024)
def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("a word of small letters and underscores, for example absent_4_weeks")
    return value


def _reference(value: str) -> str:
    if not re.fullmatch(r"(?=.*[0-9])(?!.*[0-9]{10})[A-Z][A-Z0-9]{0,12}(?:[-/][A-Z0-9]{1,10}){0,3}|[0-9]{3,9}", value):
        raise ValueError("a reference of capital letters and at least one digit, for example NS-04412")
    return value


Code = Annotated[str, AfterValidator(_code)]
Slug = Annotated[str, AfterValidator(_slug)]
Reference = Annotated[str, AfterValidator(_reference)]
Service = Annotated[str, AfterValidator(_slug)]
FreeTextField = Annotated[str, Field(max_length=20_000)]
# What canonical text can hold: integers that every reader of JSON has exactly.
Whole = Annotated[int, msgspec.Meta(gt=-LARGEST, lt=LARGEST)]
Number = Annotated[int, msgspec.Meta(ge=1, lt=LARGEST)]


class FactData(BaseModel):
    """What one kind of fact says besides its day. `WORDS` are moved to passages, `PERSON` to the person table.

    `FROM_BIRTH` lists what is worked out from the date of birth when the fact is recorded: a yes or a no, or its month.
    `FROM_LAW` lists which reading that is left to the locality was in force then, by its rule: a yes, a no, or the step
    that it chose.
    `FROM_WINDOW` lists whether a day that the fact names lies in the window that a rule opens before the fact's own
    day, by rule and field.
    `BODY_KINDS` says which kinds of body the law binds here; none named, any body may be.
    """

    # Built when a fact of the kind is first validated: a command that only reads validates few kinds.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset()
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset()
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {}
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = {}
    WITHIN_PERIOD: ClassVar[Mapping[str, tuple[str, str]]] = {}
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset()


class FactDraft(NamedTuple):
    """A fact that somebody wants recorded: not yet checked, numbered or dated by an instant."""

    kind: str
    occurred_on: date
    data: Mapping[str, Any] = {}
    corrects: int | None = None
    on_behalf_of: str | None = None
    caused_by: str | None = None


class StoredFact(msgspec.Struct, frozen=True, gc=False):
    """A fact as the history gives it back, with corrections applied where a fold has done so.

    A struct that its text is read into in one step: every fact of every case passes here. It holds nothing that could
    point back at it.
    """

    seq: int
    kind: str
    version: int
    machine: int
    occurred_on: date
    recorded_at: str
    actor: str
    via: str
    run: str | None
    corrects: int | None
    data: Mapping[str, Any]
    caused_by: str | None = None
    law: str = ""

    def _replace(self, **changed: Any) -> "StoredFact":
        """The same with some of it changed, as a named tuple does it."""
        return msgspec.structs.replace(self, **changed)


class Fact(StoredFact, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One accepted fact, ready to be written: the line that the history will give back, and what only its text says.

    Nothing else is ever written to the fact table. Made by `fact_of`, which checks the types; the words are checked
    however it is made.
    """

    case_ref: str
    seq: Number
    version: Number
    process: str
    machine: Number
    law: str
    on_behalf_of: str | None = None
    run: str | None = None
    corrects: Whole | None = None
    rehearsed: bool | None = None
    data: dict[str, str | Whole | bool | list[str]]

    def __post_init__(self) -> None:
        if not REFERENCE.fullmatch(self.case_ref):
            raise ValueError("a case reference of capital letters and digits, for example NX00042")
        _handle(self.actor)
        for word in (self.kind, self.process, self.via):
            _slug(word)
        if self.on_behalf_of is not None:
            _slug(self.on_behalf_of)
        if not "".join(self.data).isascii():
            raise ValueError("a key of a fact is an ASCII string")

    def text(self) -> bytes:
        """The canonical JSON that is stored and hashed; keys without a value are left out. The fields' own types are
        what canonical JSON can hold.
        """
        return _canonically(self)


_canonically = msgspec.json.Encoder(order="sorted").encode


def fact_of(told: Mapping[str, Any]) -> Fact:
    """A fact from its parts. Raises ValueError, repeating nothing of them, where one has not the form that it must
    have.
    """
    return msgspec.convert(told, Fact)


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, no blanks, UTF-8.

    Raises ValueError for what RFC 8785 and plain sorting could write differently: floats, keys that are not ASCII,
    large integers.
    """
    _check(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _check(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError("a key of a fact is an ASCII string")
            if type(inner) not in PLAIN:
                _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if type(inner) not in PLAIN:
                _check(inner)
    elif isinstance(value, int):
        if not -LARGEST < value < LARGEST:
            raise ValueError("an integer of 2**53 or more cannot stand in a fact")
    elif not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} cannot stand in a fact")


class DecodedFact(StoredFact, frozen=True, gc=False, kw_only=True):
    """A line as a fact's text holds it, with the case that it says it is of; a key without a value is left
    out there.
    """

    case_ref: str
    run: str | None = None
    corrects: int | None = None


# Raises msgspec.DecodeError where the text is damaged; the words of that one are not for a person.
stored_fact_of = msgspec.json.Decoder(DecodedFact).decode
Unreadable = msgspec.DecodeError


def parse_fact(text: bytes | str) -> StoredFact:
    """Read a stored fact back. Raises ValueError where the text is damaged."""
    try:
        return stored_fact_of(text)
    except Unreadable:
        raise ValueError("the text of a fact cannot be read") from None
