"""Rule packs on the pages: what a pack would change in the live cases, and its adoption in a person's own name.

The operator puts a pack into the folder `packs` of SENDFLOW_HOME; no page takes a file of law. A dry run shows the
cases that its reader may see; an adoption reaches every case.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from casework import rule_packs
from casework.access.seen import as_sendflow
from casework.cases.fact_form import Refused
from casework.declared_changes import WHY
from casework.pack_letters import LetterChange
from config.escalation_policy import EscalationPolicyError
from config.law import LawError
from config.settings import ADOPTIONS
from config.toml_reader import ConfigFault
from models.database import reading
from models.identifiers import identifier_in
from models.visibility import unseen_among
from notifications.render import RenderError
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.case import TAGS
from web.faults import no_page
from web.labels import first_capital

FOLDER = "packs"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
MOST_MOVED, MOST_LETTERS = 200, 100
UNREADABLE = (ConfigFault, LawError, EscalationPolicyError, RenderError)
CHANGES = {"sent": "would be sent", "withheld": "would not be sent", "another_day": "would be sent on another day"}


def packs(asked: Asked) -> Answer:
    """The packs that wait in the folder, and what was adopted."""
    values: dict[str, Any] = {"title": "Rule packs", "packs": _names(asked), "folder": FOLDER, "why": WHY}
    values |= {"adoptions": rule_packs.adoptions(asked.context), "done": asked.query.get("done", "")}
    return Page("law_packs.html", {**values, "two": ADOPTIONS in asked.context.settings.second_person})


def pack(asked: Asked) -> Answer:
    """What a pack would change: dates, statuses and e-mails of the next four weeks. Writes nothing."""
    found = _pack(asked)
    return no_page(404) if found is None else _dry_run(asked, found)


def adopt(asked: Asked) -> Answer:
    """Adopt a pack; where a second person has to agree, record that this one asked."""
    found = _pack(asked)
    if found is None:
        return no_page(404)
    try:
        done = rule_packs.adopt(as_sendflow(asked.context), found, asked.account)
    except Refused as refused:
        if refused.code in ("second_person", "same_person"):
            return GoTo(f"/law/packs/{found.name}")  # which says who asked
        return _dry_run(asked, found, _seen(asked, refused.message), status=409)
    except UNREADABLE as problem:
        return _dry_run(asked, found, str(problem), status=409)
    return GoTo(f"/law/packs?done={done.number}")


def _names(asked: Asked) -> list[str]:
    folder = asked.context.settings.home / FOLDER
    found = [each.name for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    return sorted(name for name in found if NAME.fullmatch(name) and identifier_in(name) is None)


def _pack(asked: Asked) -> Path | None:
    name = asked.place["pack"]
    return asked.context.settings.home / FOLDER / name if name in _names(asked) else None


def _dry_run(asked: Asked, folder: Path, error: str = "", *, status: int = 200) -> Page:
    context = asked.context
    values: dict[str, Any] = {
        "title": f"Rule pack {folder.name}",
        "pack": folder.name,
        "error": error,
        "asked_by": None,
    }
    values |= {"errors": bool(error), "two": ADOPTIONS in context.settings.second_person, "tags": TAGS, "why": WHY}
    try:
        found = rule_packs.dry_run(context, folder)
    except UNREADABLE as problem:
        values |= {"found": None, "error": error or str(problem), "errors": True}
        return Page("law_pack.html", values, 400 if status == 200 else status)
    undeclared = rule_packs.undeclared(found)
    values |= {
        "found": found,
        "undeclared": undeclared,
        "asked_by": rule_packs.who_asked_for(context, found),
        "usable": found.before != found.after and not undeclared and not found.troubles,
        "moved": found.moved[:MOST_MOVED],
        "letters": found.letters[:MOST_LETTERS],
        "letter_says": _letter_says,
        "rules": context.law.rules,
    }
    return Page("law_pack.html", values, status)


def _letter_says(each: LetterChange) -> str:
    return CHANGES[each.change]


def _seen(asked: Asked, message: str) -> str:
    """A refusal without the names of cases that its reader may not see."""
    refs = re.findall(r"[A-Z]{1,4}-?[0-9]{3,9}", message)
    with reading(asked.context.engine) as connection:
        for ref in unseen_among(connection, refs):
            message = message.replace(ref, "a case that you may not see")
    return first_capital(message)
