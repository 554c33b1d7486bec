"""Describes documents by keys and types, and compares a later document with an earlier one."""

import re
from typing import Any

# A key that is data stands for all keys of its kind.
DATA_KEYS = (
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "<day>"),
    (re.compile(r"[A-Z]{1,4}-?[0-9]{3,9}"), "<reference>"),
    (re.compile(r"[A-Z0-9]{3,8}"), "<code>"),
)
# Every key under these names is data, such as a kind of fact or the particulars of one.
KEYS_OF_DATA = frozenset({"data", "kinds", "inputs"})
# The texts of the product may be reworded, so only codes, days, numbers and references are compared by value.
DIGEST = re.compile(r"(?:w[0-9a-f]{10,}\.)?[0-9a-f]{10,}")
FREE_TEXT_FIELDS = re.compile(r"(?s).*\s.*|[A-Z][a-z]+")


def plain(value: Any) -> Any:
    """Replace what may be reworded, and what is a digest, by a mark."""
    if isinstance(value, dict):
        # Who acted is the account and the machine that run the tests.
        mine = {"account", "machine"} if value.keys() >= {"account", "machine", "how"} else set()
        return {key: "<mine>" if key in mine else plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        found = [plain(each) for each in value]
        return ["<words>"] if found and all(each == "<words>" for each in found) else found
    if isinstance(value, str):
        return "<words>" if FREE_TEXT_FIELDS.fullmatch(value) else "<digest>" if DIGEST.fullmatch(value) else value
    return value


def shape(value: Any, under: str = "") -> Any:
    """Return the keys and types of a value: an object as an object, a list as a list of at most one merged element."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            name = (
                "<key>"
                if under in KEYS_OF_DATA
                else next((mark for form, mark in DATA_KEYS if form.fullmatch(key)), key)
            )
            found[name] = merged(found[name], shape(inner, name)) if name in found else shape(inner, name)
        return found
    if isinstance(value, list):
        inner = None
        for each in value:
            inner = shape(each, under) if inner is None else merged(inner, shape(each, under))
        return [] if inner is None else [inner]
    return "null" if value is None else type(value).__name__


def merged(one: Any, other: Any) -> Any:
    """Return the shape of two elements: a key of only one of them gets a question mark, types are joined."""
    if one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        found: dict[str, Any] = {}
        names = dict.fromkeys(key.removesuffix("?") for key in (*one, *other))
        for name in names:
            each = [each[key] for each in (one, other) for key in (name, f"{name}?") if key in each]
            found[name if name in one and name in other else f"{name}?"] = each[0] if len(each) == 1 else merged(*each)
        return found
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])] if one and other else one or other
    if isinstance(one, str) and isinstance(other, str):
        return "|".join(sorted({*one.split("|"), *other.split("|")}))
    scalar, structure = (one, other) if isinstance(one, str) else (other, one)
    return structure | {"<or>": scalar} if isinstance(structure, dict) else [*structure, f"<or> {scalar}"]


def lost(earlier: Any, later: Any, where: str = "$", *, shapes: bool = False) -> list[str]:
    """Return what the later value has lost or changed of the earlier one; a new key is no loss.

    With `shapes` the two are shapes: an empty list of the earlier one says nothing about its elements.
    """
    if isinstance(earlier, dict) and isinstance(later, dict):
        problems = []
        for key, inner in earlier.items():
            name = key if key in later else key.removesuffix("?")
            problems += (
                lost(inner, later[name], f"{where}.{key}", shapes=shapes)
                if name in later
                else [f"{where}.{key} is gone"]
            )
        return problems
    if isinstance(earlier, list) and isinstance(later, list):
        if shapes and not earlier:
            return []
        if len(earlier) != len(later):
            return [f"{where} has {len(later)} elements instead of {len(earlier)}"]
        pairs = enumerate(zip(earlier, later, strict=True))
        return [
            each for number, (one, other) in pairs for each in lost(one, other, f"{where}[{number}]", shapes=shapes)
        ]
    return [] if type(earlier) is type(later) and earlier == later else [f"{where} is {later!r} instead of {earlier!r}"]
