"""Words for what is stored as words with underscores: facts, steps, recipients, statuses, reasons."""

from __future__ import annotations

import re

from casework.imports import problem_words
from config.text import in_words
from statemachines.fact_labels import fact, field

__all__ = ["basis", "fact", "field", "first_capital", "person", "problem", "status", "template", "words"]

PEOPLE = {
    "dco": "DCO",
    "service_manager": "service's manager",
    "provider_send_lead": "provider's SEND lead",
    "icb_executive_lead": "integrated care board's executive lead",
    "local_authority": "local authority",
}
# Why an e-mail has not left, from what a transport says. `smtp_550` is the code of the mail server's answer.
WHY_NOT = {
    "unreachable": "the mail server cannot be reached",
    "line_lost_before_data": "the mail server ended the connection",
    "greeting_refused": "the mail server refused the connection",
    "login_needed": "the mail server wants another login",
    "outcome_unknown": "nobody knows whether the mail server took it",
    "folder_not_writable": "the folder for e-mails cannot be written",
    "cannot_be_written": "an address or the subject cannot be in an e-mail",
}
_SMTP = re.compile(r"smtp_([0-9]{3})")

# What a number rests on that is neither an Act nor a regulation.
BASES = {"local_standard": "local standard, no law", "nhse_policy": "NHS England policy, no law"}
# Templates whose id, once released, says too little.
TEMPLATES = {
    "breach": "due date has passed",
    "digest": "several matters in one e-mail",
    "dsr_due": "dynamic support register: step due",
    "dsr_withdrawn": "dynamic support register: letter withdrawn",
    "ld_check_due": "yearly health check due",
    "ld_check_withdrawn": "yearly health check: letter withdrawn",
    "morning_digest": "daily digest",
    "rung_withdrawn": "earlier letter withdrawn",
    "section23_overdue": "section 23 step overdue",
    "section23_steps": "section 23 steps",
    "section23_tell_la": "section 23: the authority to be informed",
    "section23_thanks": "section 23 thanks",
    "section23_withdrawn": "section 23: letter withdrawn",
}
STATUSES = {"no_date": "cannot be late", "excused": "exception accepted", "breached": "late"}

# What a look was at, in words: the filter of the access log has these.
LOOKED_AT = {
    "identity": "identity of a child",
    "export": "list as a file",
    "case": "page of a case",
    "record": "form that records on it",
    "replay": "case as it was",
    "child": "page of a child",
    "together": "one act on several cases",
    "import": "rows of an import",
    "decide": "what waits for an answer",
    "looks": "who looked at it",
    "bundle": "bundle",
    "api": "by a program",
}


def looked_at(what: str) -> str:
    """What a look was at, in words: a page, a bundle with whom it is for, or a command."""
    bundle, _, whom = what.partition("_")
    if bundle == "bundle" and whom:
        return f"bundle, for {words(whom)}"
    return LOOKED_AT.get(what) or words(what)


def words(value: object) -> str:
    """Words without underscores, with the abbreviations in capitals."""
    return in_words(str(value if value is not None else ""))


def problem(code: str) -> str:
    """Why a row of a tracker was refused."""
    found = problem_words.problem(code)
    return found[:1].lower() + found[1:]


def why_not(code: str) -> str:
    """Why an e-mail has not left. A refusal for good has a code of 500 and more."""
    if (answer := _SMTP.fullmatch(code)) is not None:
        how = "refused it" if answer[1] >= "500" else "did not take it yet"
        return f"the mail server {how} (code {answer[1]})"
    return WHY_NOT.get(code) or words(code)


def person(recipient: str | None) -> str:
    """The name of a post that gets e-mails."""
    return PEOPLE.get(recipient or "") or words(recipient)


def status(word: str) -> str:
    """The name of a status of a duty."""
    return STATUSES.get(word) or words(word)


def basis(word: str) -> str:
    """What the number of a duty rests on."""
    return BASES.get(word) or words(word)


def template(word: str) -> str:
    """The name of a template of e-mails."""
    return TEMPLATES.get(word) or words(word)


def first_capital(text: str) -> str:
    """The text with a capital first; the rest stays, for it may be a name."""
    return text[:1].upper() + text[1:]


PARTIES = {
    "LA": "local authority",
    "RCB": "responsible commissioning body",
    "FT": "foundation trust",
    "CHC": "continuing healthcare",
    "s31": "section 31",
    "who was asked": "the body or person that was asked",
    "to whom it was put": "the body or person that it was put to",
}
_PARTY = re.compile(r"\b(" + "|".join(PARTIES) + r")\b")


def party(duty_on: str) -> str:
    """Whom the law names, without abbreviations: `old LA` is the old local authority."""
    return _PARTY.sub(lambda found: PARTIES[found[0]], duty_on)
