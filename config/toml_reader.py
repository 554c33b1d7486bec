"""Strict reading of TOML files: every error names the file, the table, the key, what was expected, and an example.

Purpose: a mistyped key in a statute file or an escalation policy must be an error, and never a key that is left out.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, TypeVar, get_args

import tomli
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from models.errors import ConfigurationError

# An address that letters, pages and spreadsheets show unchanged: of the web, without a character that would end it.
ADDRESS = r"^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~!$&*+,;=:@%/?#-]*)?$"
LARGEST = 5_000_000
ADDED = frozenset({"digest", "text", "rank", "grace"})  # what a reader adds to the content of a file
DEEPEST = 40
QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*')
BRACKETS = re.compile(r"[\[\]{}]")


class ConfigFault(ConfigurationError):
    """A configuration file cannot be read; the text says which file, table and key, what was expected, and gives an
    example.
    """

    default_code = "configuration_file"


HELP = "To check every file: sendflow check"


def named(path: Path) -> str:
    """A file with its folder, as messages name it: the law, the policy and the calendar have files of one name."""
    return f"{path.parent.name}/{path.name}"


def own_file(home: Path, name: str) -> Path | None:
    """The installation's own file of that name; None where it has none, and the shipped file is in force.

    A link that leads nowhere is a file that cannot be read, and never none: the shipped file is another team's.
    """
    file = home / name
    return file if file.is_symlink() or file.exists() else None


def read_text(path: Path, error: type[ConfigFault] = ConfigFault) -> str:
    """The text of a configuration file, of a size and depth that a person writes. A byte order mark is left out.

    Raises `error` where it is missing, is no file, may not be read, is not UTF-8, is too large or too deep.
    """
    return text_of(read_bytes(path, error), named(path), error)


def text_of(raw: bytes, where: str, error: type[ConfigFault] = ConfigFault) -> str:
    """The text of the bytes of a configuration file; `where` names it. Raises `error`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        raise error(f"{where}: line {line} is not UTF-8 text. Save the file as UTF-8.") from None
    if _depth(text) > DEEPEST:
        raise error(
            f"{where}: brackets are nested more than {DEEPEST} deep, so the file was not read. Put the right file in"
            " its place."
        )
    return text


def read_bytes(path: Path, error: type[ConfigFault] = ConfigFault) -> bytes:
    """The bytes of a configuration file. Raises `error`, also for a pipe or a device, for which nobody waits."""
    try:
        if not S_ISREG(path.stat().st_mode):
            raise error(f"{named(path)}: a file of text was expected there, and it is none. Put the file there.")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        link = " It is a link to a file that is not there." if path.is_symlink() else ""
        raise error(f"{named(path)}: the file is missing.{link} Restore it, from the project or a backup.") from None
    except OSError as fault:
        why = fault.strerror or type(fault).__name__
        raise error(
            f"{named(path)}: the file cannot be read ({why}). Expected a file of text that this account may read."
        ) from None
    if len(raw) > LARGEST:
        raise error(
            f"{named(path)}: the file is larger than {LARGEST // 1_000_000} MB, and was not read. Put the right file in"
            " its place."
        )
    return raw


def tables_of(text: str, where: str, error: type[ConfigFault] = ConfigFault) -> dict[str, Any]:
    """The tables of a TOML text; `where` names its file. Raises `error` with the line."""
    try:
        # Our own bytes; each caller gets tables of its own.
        tables: dict[str, Any] = pickle.loads(_parsed(text))  # noqa: S301
    except ValueError as fault:  # TOMLDecodeError is one, and a number of too many digits is another
        raise error(
            f"{where}: this is not TOML: {fault}. Write each key once in its table, text in double quotes,"
            " dates bare. Example: from = 2014-09-01"
        ) from None
    return tables


@lru_cache(maxsize=256)
def _parsed(text: str) -> bytes:
    """The tables of a TOML text, pickled, which is copied in a tenth of the time. Cached as `_depth` is."""
    return pickle.dumps(tomli.loads(text))


@lru_cache(maxsize=256)
def _depth(text: str) -> int:
    """How deep brackets are nested. Cached: an installation that is loaded again reads the same texts."""
    deepest = depth = 0
    for sign in BRACKETS.findall(QUOTED.sub("", text)):
        depth = depth + 1 if sign in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def first_fault(problem: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong first, and where; for a key that is not known, the nearest known ones; and how many more."""
    errors = problem.errors(include_url=False, include_input=False)
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])  # it explains what lacks
    where = ".".join(str(step) for step in first["loc"]) or "the file"
    more = f" ({len(errors) - 1} more after this one)" if len(errors) > 1 else ""
    if first["type"] == "missing":
        return f"{where}: this key is missing{more}"
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg'].removeprefix('Value error, ')}{more}"
    known = sorted(_keys_at(model, first["loc"][:-1]))
    near = get_close_matches(str(first["loc"][-1]), known, n=3)
    return f"{where}: there is no such key. {'Nearest' if near else 'Known'}: {', '.join(near or known)}{more}"


def _keys_at(kind: Any, place: Sequence[int | str]) -> set[str]:
    """The keys that a person may write at a place of a model. An index and the name of a table lead no deeper."""
    kinds = _models(kind)
    for step in place:
        inside = [_names(each)[step].annotation for each in kinds if step in _names(each)]
        kinds = {model for each in inside for model in _models(each)} if inside else kinds
    return {str(name) for each in kinds for name in _names(each)}


def _models(kind: Any) -> set[type[BaseModel]]:
    """The models that a value of this type is made of, at its own level."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {kind}
    return {model for each in get_args(kind) for model in _models(each)}


def _names(model: type[BaseModel]) -> dict[int | str, FieldInfo]:
    """The fields that a file may have: not those that its reader adds."""
    return {field.alias or name: field for name, field in model.model_fields.items() if name not in ADDED}


class Strict(BaseModel):
    """A frozen record that refuses unknown keys and never converts one type into another."""

    # A command that needs no record of a file does not pay for building its validator.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, defer_build=True)


Record = TypeVar("Record", bound=BaseModel)


def read_toml(path: Path, error: type[ConfigFault] = ConfigFault) -> dict[str, Any]:
    """The tables of one TOML file. Raises `error` where it cannot be read or is not TOML (a key given twice is not)."""
    return tables_of(read_text(path, error), named(path), error)


def refuse_added(tables: Mapping[str, Any], where: str, error: type[ConfigFault] = ConfigFault) -> None:
    """Raise `error` for a key that the reader itself adds: what a person wrote there would be replaced unseen."""
    if written := sorted(ADDED & tables.keys()):
        raise error(f"{where}: {written[0]}: there is no such key. Delete the line.")


def layered(folders: Sequence[Path], name: str) -> list[Path]:
    """The TOML files of the sub-folder `name`, in the order of their names. A file replaces that of the same name in an
    earlier folder.
    """
    found = {file.name: file for folder in folders for file in (folder / name).glob("*.toml")}
    return [found[file] for file in sorted(found)]


def topmost(folders: Sequence[Path], name: str) -> Path:
    """The file of that name in the last folder that has it; where none has, its place in the first."""
    return next((file for folder in reversed(folders) if (file := own_file(folder, name))), folders[0] / name)


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
