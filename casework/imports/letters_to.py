"""Which mailboxes the notices of an import would reach, and about what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from config.directory import Directory


class LettersTo(BaseModel):
    """The letters that one mailbox would get: how many matters of how many cases, and about which steps."""

    model_config = ConfigDict(frozen=True)
    body: str | None
    services: list[str]
    recipient: str
    matters: int
    cases: int
    steps: dict[str, int]


class NoticeOf(NamedTuple):
    """What is asked of a notice."""

    recipient: str
    mailbox: str | None
    body: str | None
    case_ref: str
    service: str | None
    rung: str


def letters_to(directory: Directory, notices: Iterable[NoticeOf]) -> list[LettersTo]:
    """The notices by mailbox, the one with the most matters first."""
    found: dict[tuple[str, str], list[NoticeOf]] = {}
    for notice in notices:
        found.setdefault((notice.recipient, notice.mailbox or ""), []).append(notice)
    letters = [_letter(directory, recipient, rows) for (recipient, _mailbox), rows in found.items()]
    return sorted(letters, key=lambda one: (-one.matters, one.body or "", one.recipient, one.services))


def _letter(directory: Directory, recipient: str, rows: Sequence[NoticeOf]) -> LettersTo:
    bodies = {row.body for row in rows}
    only = next(iter(bodies)) if len(bodies) == 1 else None
    return LettersTo(
        body=directory.body_names.get(only) if only is not None else None,
        services=sorted({directory.service_name(row.service) for row in rows if row.service}),
        recipient=recipient,
        matters=len(rows),
        cases=len({row.case_ref for row in rows}),
        steps=dict(Counter(row.rung for row in rows).most_common()),
    )
