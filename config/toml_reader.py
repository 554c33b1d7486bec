"""Strict reading of TOML files: every error names the file, the table, the key, what was expected, and an example.

Purpose: a mistyped key in a statute file or an escalation policy must be an error, and never a key that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import tomli
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ConfigurationError

# An address that letters, pages and spreadsheets show unchanged: of the web, without a character that would end it.
ADDRESS = r"^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~!$&*+,;=:@%/?#-]*)?$"
LARGEST = 5_000_000
DEEPEST = 40
QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*')
BRACKETS = re.compile(r"[\[\]{}]")


class ConfigFault(ConfigurationError):
    """A configuration file cannot be read; the text says which file, table and key, what was expected, and gives an
    example.
    """

    default_code = "configuration_file"


def read_text(path: Path) -> str:
    """The text of a configuration file, of a size and depth that a person writes.

    Raises OSError, UnicodeDecodeError, or ConfigFault where it is too large or too deep to be read.
    """
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ConfigFault(
            f"{path.name}: the file is larger than {LARGEST // 1_000_000} MB, and was not read. Put the right file in"
            " its place."
        )
    text = raw.decode("utf-8")
    if _depth(text) > DEEPEST:
        raise ConfigFault(
            f"{path.name}: brackets are nested more than {DEEPEST} deep, so the file was not read. Put the right file"
            " in its place."
        )
    return text


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in BRACKETS.findall(QUOTED.sub("", text)):
        depth = depth + 1 if sign in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def first_fault(problem: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong first, and where; for a key that is not known, the nearest known ones."""
    errors = problem.errors(include_url=False, include_input=False)
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])  # it explains what lacks
    where = ".".join(str(step) for step in first["loc"]) or "the file"
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg'].removeprefix('Value error, ')}"
    known = sorted(_keys(model, set()))
    near = get_close_matches(str(first["loc"][-1]), known, n=3) or known
    return f"{where}: there is no such key. Nearest: {', '.join(near)}"


def _keys(kind: Any, seen: set[Any]) -> set[str]:
    """Every key of a model and of the models inside it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        fields = kind.model_fields
        inside = (_keys(field.annotation, seen) for field in fields.values())
        return {field.alias or name for name, field in fields.items()}.union(*inside)
    return set().union(*(_keys(each, seen) for each in get_args(kind)))


class Strict(BaseModel):
    """A frozen record that refuses unknown keys and never converts one type into another."""

    # A command that needs no record of a file does not pay for building its validator.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, defer_build=True)


Record = TypeVar("Record", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of one TOML file.

    Raises ConfigFault where the file is missing, is not UTF-8, or is not TOML (a key given twice is not TOML).
    """
    try:
        return tomli.loads(read_text(path))
    except FileNotFoundError:
        raise ConfigFault(
            f"{path.name}: the file is missing from the folder {path.parent.name}/; restore it from the project."
        ) from None
    except UnicodeDecodeError:
        raise ConfigFault(f"{path.name}: the file is not UTF-8 text; save it as UTF-8.") from None
    except tomli.TOMLDecodeError as fault:
        raise ConfigFault(
            f"{path.name}: this is not TOML: {fault}. Write each key once in its table, text in double quotes,"
            " dates bare. Example: from = 2014-09-01"
        ) from None


def layered(folders: Sequence[Path], name: str) -> list[Path]:
    """The TOML files of the sub-folder `name`, in the order of their names. A file replaces that of the same name in an
    earlier folder.
    """
    found = {file.name: file for folder in folders for file in (folder / name).glob("*.toml")}
    return [found[file] for file in sorted(found)]


def topmost(folders: Sequence[Path], name: str) -> Path:
    """The file of that name in the last folder that has it; where none has, its place in the first."""
    return next((folder / name for folder in reversed(folders) if (folder / name).is_file()), folders[0] / name)


def parsed(model: type[Record], data: Any, file: str, table: str, examples: Mapping[str, str]) -> Record:
    """`data` as a `model`; `examples` gives one correct line for each key that a person may write.

    Raises ConfigFault for the first thing that is wrong, with the number of further ones.
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        errors = fault.errors(include_url=False, include_input=False)
        more = f" ({len(errors) - 1} more after this one)" if len(errors) > 1 else ""
        raise ConfigFault(f"{file}: [{table}] {_said(errors[0], examples)}{more}") from None


def _said(error: Any, examples: Mapping[str, str]) -> str:
    where = [str(part) for part in error["loc"]]
    keys = [part for part in where if not part.isdigit()]
    key = keys[-1] if keys else ""
    example = f" Example: {examples[key]}" if key in examples else ""
    if error["type"] == "extra_forbidden":
        near = get_close_matches(key, list(examples), n=1)
        hint = (
            f" Did you mean `{near[0]}`? Example: {examples[near[0]]}"
            if near
            else f" Known keys: {', '.join(sorted(examples))}."
        )
        return f"has a key that is not known: `{'.'.join(where)}`.{hint}"
    if error["type"] == "missing":
        return f"lacks the key `{'.'.join(where)}`.{example}"
    at = f"key `{'.'.join(where)}`: " if where else ""
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{at}{said}.{example}".replace("..", ".")
