"""A fact: its fields, its forms before and after it is stored, and its canonical text.

A fact is something that happened, in the past tense, on a day (`occurred_on`), recorded at an instant (`recorded_at`,
UTC). Its text is canonical JSON (RFC 8785 for the values allowed here: ASCII keys, no floats, integers under 2**53).
A fact never contains free text (reasons, notes, evidence): that is stored encrypted, and the fact has its id.
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
    """Days as ISO 8601 text, formatted once each: a case repeats the same few days, and formatting one costs as much as
    ten look-ups.
    """

    def __missing__(self, day: date) -> str:
        text = self[day] = day.isoformat()
        return text


iso = _Texts().__getitem__


class _TextsOrNone(dict[date | None, str | None]):
    """Days as text, and None as itself."""

    def __missing__(self, day: date | None) -> str | None:
        text = self[day] = iso(day) if day is not None else None
        return text


iso_or_none = _TextsOrNone().__getitem__


# Facts repeat the same few codes and words, so their checks are cached. An error is not cached.


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


@lru_cache(maxsize=1024)
def _check_words(case_ref: str, actor: str, *words: str | None) -> None:
    """Check what the facts of one case and act have alike: one look-up in place of one for each word."""
    if not REFERENCE.fullmatch(case_ref):
        raise ValueError("a case reference of capital letters and digits, for example NX00042")
    _handle(actor)
    for word in words:
        if word is not None:
            _slug(word)


def _reference(value: str) -> str:
    if not re.fullmatch(r"(?=.*[0-9])(?!.*[0-9]{10})[A-Z][A-Z0-9]{0,12}(?:[-/][A-Z0-9]{1,10}){0,3}|[0-9]{3,9}", value):
        raise ValueError("a reference of capital letters and at least one digit, for example NS-04412")
    return value


Account = Annotated[str, AfterValidator(_handle)]
Code = Annotated[str, AfterValidator(_code)]
Slug = Annotated[str, AfterValidator(_slug)]
Reference = Annotated[str, AfterValidator(_reference)]
Service = Annotated[str, AfterValidator(_slug)]
FreeTextField = Annotated[str, Field(max_length=20_000)]
# The integers that canonical text may contain: every JSON reader represents them exactly.
Whole = Annotated[int, msgspec.Meta(gt=-LARGEST, lt=LARGEST)]
Number = Annotated[int, msgspec.Meta(ge=1, lt=LARGEST)]


class FactData(BaseModel):
    """The fields of one kind of fact.

    `FREE_TEXT_FIELDS` and `IDENTITY_FIELDS` are stored encrypted elsewhere, and not in the fact.
    sendflow fills these fields when the fact is recorded; each maps a field to its source:
    - `ANSWERED_FROM_BIRTH_DATE`: a question about the date of birth, answered with yes, no or its month
    - `READING_IN_FORCE`: a rule of which the locality chooses the reading; yes, no, or the step that it chose
    - `FROM_STANDARD`: a local standard of config/, which fills the field where a person leaves it out
    - `FROM_SAMPLE`: the fact that sendflow records besides for each one drawn; `SAMPLED` has the facts of other cases
      from which it draws, by the subject that the case names
    - `WITHIN_PERIOD`: a rule and a field; whether the day in that field lies in the rule's period before the fact
    `BOUND_BODY_KINDS`: the kinds of body that the law binds here; empty: any body.
    """

    # Built when a fact of the kind is first validated: a command that only reads validates few kinds.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset()
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset()
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {}
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = {}
    FROM_STANDARD: ClassVar[Mapping[str, str]] = {}
    FROM_SAMPLE: ClassVar[Mapping[str, str]] = {}
    SAMPLED: ClassVar[Mapping[str, frozenset[str]]] = {}
    WITHIN_PERIOD: ClassVar[Mapping[str, tuple[str, str]]] = {}
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset()


class FactDraft(NamedTuple):
    """A fact before it is stored: it has no number and no instant, and is not validated."""

    kind: str
    occurred_on: date
    data: Mapping[str, Any] = {}
    corrects: int | None = None
    on_behalf_of: str | None = None
    caused_by: str | None = None


class StoredFact(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A fact as it is stored; after a replay, with corrections applied.

    A msgspec struct, because msgspec parses its text in one step, and each command parses every fact of a case. `gc`
    is off because a fact never refers to an object that refers to it. The fields are in the order of the alphabet, as
    the text has them: so msgspec finds each at once, and need not sort them to write the text.
    """

    actor: str
    case_ref: str = ""
    caused_by: str | None = None
    corrects: int | None = None
    data: Mapping[str, Any]
    kind: str
    law: str = ""
    machine: int
    occurred_on: date
    on_behalf_of: str | None = None
    process: str = ""
    recorded_at: str
    rehearsed: bool | None = None
    run: str | None = None
    seq: int
    version: int
    via: str

    def _replace(self, **changed: Any) -> "StoredFact":
        """Return a copy with some fields changed, like `_replace` of a named tuple."""
        return msgspec.structs.replace(self, **changed)


class Fact(StoredFact, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One accepted fact, ready to be stored.

    Only this class is written to the fact table. `fact_of` makes it and checks the types; `__post_init__` checks the
    words.
    """

    case_ref: str
    corrects: Whole | None = None
    data: dict[str, str | Whole | bool | list[str]]
    law: str
    machine: Number
    process: str
    seq: Number
    version: Number

    def __post_init__(self) -> None:
        _check_words(self.case_ref, self.actor, self.process, self.via, self.on_behalf_of)
        _slug(self.kind)
        if self.data and not "".join(self.data).isascii():
            raise ValueError("a key of a fact is an ASCII string")

    def text(self) -> bytes:
        """Return the canonical JSON that is stored and hashed, without keys that have no value.

        The types of the fields allow only values that canonical JSON can contain.
        """
        return _canonically(self)


# Sorts the keys of `data`; the fields of a fact are in order already.
_canonically = msgspec.json.Encoder(order="deterministic").encode


def fact_of(fields: Mapping[str, Any]) -> Fact:
    """Make a fact of its fields. Raises ValueError for a wrong field; the message does not repeat its value."""
    return msgspec.convert(fields, Fact)


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return canonical JSON: sorted keys, no blanks, UTF-8.

    Raises ValueError for values that this function and RFC 8785 could write differently: floats, keys that are not
    ASCII, large integers.
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
            raise ValueError("an integer of 2**53 or more cannot be in a fact")
    elif not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} cannot be in a fact")


class DecodedFact(StoredFact, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A stored fact with everything that its text says, so that the text can be written again and compared."""

    case_ref: str


canonical_text = _canonically
# The texts of several facts, each with a line feed after it. Canonical JSON has none within a text.
canonical_texts = msgspec.json.Encoder(order="deterministic").encode_lines
_decoder = msgspec.json.Decoder(DecodedFact)
# Both raise msgspec.DecodeError if a text was altered; its message is not for people.
stored_fact_of = _decoder.decode
stored_facts_of = _decoder.decode_lines
Unreadable = msgspec.DecodeError


def parse_fact(text: bytes | str) -> StoredFact:
    """Parse a stored fact. Raises ValueError if its text was altered."""
    try:
        return stored_fact_of(text)
    except Unreadable:
        raise ValueError("the text of a fact cannot be read") from None
