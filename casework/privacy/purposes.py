"""Why an identity is read, and for whom a bundle is made: the words of this installation's purposes.toml."""

from __future__ import annotations

from collections.abc import Mapping

from casework.context import AppContext
from config.purposes import Purposes, load_purposes
from models.errors import Refusal


class WrongPurpose(Refusal, ValueError):
    """The purpose, or for whom it is, is no word of purposes.toml. The text lists the words."""

    default_code = "bad_purpose"
    field = "purpose"


def purposes_of(context: AppContext) -> Purposes:
    """The words of this installation. Raises ConfigFault."""
    return load_purposes(context.own_file("purposes.toml"))


def titles(context: AppContext) -> Mapping[str, str]:
    """What each purpose of an access means, by its word."""
    return {word: each.title for word, each in purposes_of(context).purpose.items()}


def recipients(context: AppContext) -> Mapping[str, str]:
    """What each of those for whom a bundle is made is called, by its word."""
    return {word: each.title for word, each in purposes_of(context).recipient.items()}


def check_purpose(context: AppContext, word: str) -> str:
    """The word, if it is one. Raises WrongPurpose, without what was typed: it may be a child's name."""
    known = titles(context)
    if word not in known:
        raise WrongPurpose(f"the purpose is one of {', '.join(known)}: for example {next(iter(known))}")
    return word


def check_recipient(context: AppContext, word: str) -> str:
    """The word, if it is one. Raises WrongPurpose."""
    known = recipients(context)
    if word not in known:
        raise WrongPurpose(f"a bundle is for one of {', '.join(known)}: for example {next(iter(known))}")
    return word
