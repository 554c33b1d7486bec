"""The form of a fact: its fields parsed by its model, and what is wrong with them said in a sentence.

Errors name the field, what was expected and an example, and never repeat what was typed: it may be a child's name.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from models.errors import Refusal
from models.facts import FactData, iso
from models.fields import form_of

# Fields whose values become the directory's words: they identify nobody.
NAMED = ("la", "service", "body")
_ONLY_NAMES = frozenset(NAMED)
EXAMPLES = {
    "body": "QX101 (sendflow bodies lists them)",
    "service": "speech_and_language_therapy",
    "la": "northshire",
    "la_reference": "NS-04412",
    "answer": "not_known",
    "ground": "absent_4_weeks",
    "claim": "7",
    "decision": "accepted",
    "until": "2026-05-18",
    "look_again_on": "2026-05-18",
    "began_on": "2026-03-02",
    "ended_on": "2026-04-05",
    "occurred_on": "2026-03-09",
    "rule": "ehc_body_advice_respond",
    "redirected_to": "QX102",
    "weeks": "18",
    "reason": '"the report gives no provision"',
    "nhs_number": "-",
    "linked_to": "NX00042",
    "item": "item_1",
    "on_item": "item_1",
    "panel": "ehc_weekly",
    "date_of_birth": "-",
}
# What a day of a fact is, where its name alone reads as the fact's own day.
MEANT = {
    "directed_on": "the day by which it is to be done, as the direction names it",
    "agreed_on": "the other day that was agreed",
    "meeting_on": "the day of the meeting to come",
    "moved_on": "the day of the move",
    "transfer_on": "the day of the transfer to come",
    "last_reviewed_on": "the day on which the plan was made or last reviewed",
}
# What was expected, by pydantic's code of an error; the library's own sentences are for programmers.
EXPECTED = {
    "bool_parsing": "yes or no",
    "date_from_datetime_inexact": "a day such as 2026-04-13",
    "date_from_datetime_parsing": "a day such as 2026-04-13",
    "date_parsing": "a day such as 2026-04-13",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of {ge} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of {le} or less",
    "list_type": "a list",
    "literal_error": "one of {expected}",
    "string_too_long": "{max_length} characters at most",
    "string_too_short": "{min_length} characters or more",
    "too_long": "a list of {max_length} at most",
    "too_short": "a list of {min_length} or more",
}
PATTERNS = {
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day such as 14:05",
    "^[a-z0-9][a-z0-9_]{0,39}$": "a word of small letters, digits and underscores",
}
FITTING = {
    ("chasing_paused", "reason"): '"the family is abroad until 18 May"',
    ("fact_withdrawn", "reason"): '"recorded on the wrong case"',
}


class Refused(Refusal):
    """A fact that is not accepted. `code` is a word for programs, the message a sentence for a person; `wrong_call`
    is True for a mistake of form.
    """

    def __init__(
        self, code: str, message: str, *, field: str | None = None, seq: int | None = None, wrong_call: bool = False
    ) -> None:
        super().__init__(message, code=code, exit_code=2 if wrong_call else 1)
        self.message = message
        self.field = field
        self.seq = seq
        self.wrong_call = wrong_call


def parsed(model: type[FactData], kind: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a fact as it stores them, and its free texts by field. Raises Refused."""
    if given.keys() <= _ONLY_NAMES:
        # Most facts name a body and a service and say nothing else: the same few, again and again.
        plain, texts = _parsed_names(model, kind, tuple(given.items()))
        return plain.copy(), texts.copy()
    return _parsed(model, kind, given)


@lru_cache(maxsize=1024)
def _parsed_names(
    model: type[FactData], kind: str, given: tuple[tuple[str, Any], ...]
) -> tuple[dict[str, Any], dict[str, str]]:
    return _parsed(model, kind, dict(given))


def _parsed(model: type[FactData], kind: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        data = model.model_validate(given)
    except ValidationError as problem:
        raise refusal_of(model, kind, problem) from None
    person = model.IDENTITY_FIELDS
    plain = {
        key: iso(value) if isinstance(value, date) else value
        for key, value in data.__dict__.items()
        if value is not None and key not in person
    }
    words = {key: str(plain.pop(key)) for key in model.FREE_TEXT_FIELDS if key in plain}
    return plain, words


def wrong_answer(model: type[FactData], field: str, given: Any) -> str | None:
    """What was expected of one field, where what was given is not of its form: `a whole number was expected`."""
    try:
        model.model_validate({field: given})
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_input=False)
        return next((_expected(each) for each in found if each["loc"][:1] == (field,)), None)
    return None


def _expected(error: Mapping[str, Any]) -> str:
    """What one error of pydantic says, in words that repeat nothing that was typed."""
    context = error.get("ctx", {})
    known = EXPECTED.get(error["type"]) or PATTERNS.get(context.get("pattern", ""))
    if known is None:
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{known.format_map(context)} was expected"


def refusal_of(model: type[FactData], kind: str, problem: ValidationError) -> Refused:
    errors = problem.errors(include_url=False, include_input=False)
    first = errors[0]
    field = str(first["loc"][0]) if first["loc"] else kind
    missing = [str(each["loc"][0]) for each in errors if each["type"] == "missing"]
    wrong = [each for each in errors if each["type"] not in ("missing", "extra_forbidden")]
    said = [f"{kind} needs {', and '.join(_with_example(model, kind, each) for each in missing)}"] if missing else []
    for each in wrong:
        expected = _expected(each)
        if not each["loc"]:  # fields that do not go together
            said.append(f"{kind}: {expected}")
            continue
        named = str(each["loc"][0])
        example = _with_example(model, kind, named).removeprefix(named)
        said.append(f"{kind}: {named} is not in the form expected: {expected}{example}")
    if any(each["type"] == "extra_forbidden" for each in errors):
        known = ", ".join(model.model_fields)
        said.append(f"{kind} has no such particular; it takes: {known or 'none'}")
    code = {"missing": "missing_data", "extra_forbidden": "unknown_data"}.get(str(first["type"]), "bad_data")
    return Refused(code, ". ".join(said), field=None if code == "unknown_data" else field, wrong_call=True)


def _with_example(model: type[FactData], kind: str, field: str) -> str:
    shown = FITTING.get((kind, field)) or example_of(model, field)
    meant = f" ({MEANT[field]})" if field in MEANT else ""
    return f"{field}{meant}, for example --data {field}={shown}" if shown else f"{field}{meant}"


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that may have been meant: the same parts in another order, or nearly the same letters."""
    by_parts = {" ".join(sorted(each.split("_"))): each for each in known}
    close = get_close_matches(" ".join(sorted(word.split("_"))), by_parts, n=3, cutoff=0.7)
    return [by_parts[each] for each in close]


def example_of(model: type[FactData], field: str) -> str | None:
    """An example value for a field: a word of its own list, a day, or its entry in EXAMPLES."""
    info = model.model_fields.get(field)
    kinds = [info.annotation, *get_args(info.annotation)] if info is not None else []
    if info is not None and (form := form_of(info)) is not None:
        return f'"{form.example}"'
    word = next((get_args(kind)[0] for kind in kinds if get_origin(kind) is Literal), None)
    return word or EXAMPLES.get(field) or ("2026-04-13" if date in kinds else None)
