"""Every address of the pages, with the right that it needs. docs/reference/rights.md is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from models.questions import Question
from web import (
    audit,
    bundles,
    calendar,
    case,
    cases,
    children,
    columns,
    decide,
    directory_entries,
    help,
    identity,
    imports,
    ladder,
    law,
    letters,
    mails,
    organisations,
    own,
    papers,
    people,
    policy,
    policy_parts,
    receipts,
    recording,
    registers,
    reply,
    retention,
    rule_packs,
    sen2,
    sign_in,
    simulation,
    single_sign_on,
    subject_access,
    today,
    together,
)
from web.answers import Answer
from web.asked import Asked
from web.installation import BACK

PUBLIC = ""
SIGNED_IN = "signed_in"
PROGRAM = "program"  # a program that shows a token; it has no session and no form
HALF_SIGNED_IN = "half_signed_in"  # also before the code of the second factor


class Way(NamedTuple):
    """One address: its method, path, the right that it needs (none: anybody), and its handler.

    `mails`: one-time links may wait to be sent after it. `asks_others`: it asks another server.
    `ahead`: what it will ask the records of the parts of its address, so that who asks is read in the same statement.
    """

    method: str
    path: str
    right: str
    handler: Callable[[Asked], Answer]
    mails: bool = False
    asks_others: bool = False
    ahead: Callable[[Mapping[str, str]], list[tuple[Question, Mapping[str, Any]]]] | None = None


class MenuItem(NamedTuple):
    """A link of the menu, for those who have the right. `later`: it is under More where the line is full."""

    text: str
    address: str
    right: str
    later: bool = False


LONGEST_MENU = 9  # links; more do not fit into one line of a page


MENU = (
    MenuItem("Today", "/today", "today"),
    MenuItem("To decide", "/decide", "record"),
    MenuItem("Cases", "/cases", "cases"),
    MenuItem("Children", "/children", "case"),
    MenuItem("Registers", "/registers", "case"),
    MenuItem("Import", "/imports", "import"),
    MenuItem("E-mails", "/letters", "letters"),
    MenuItem("Replies", "/mails", "mails"),
    MenuItem("Duties", "/own", "own"),
    MenuItem("Answer", "/own/reply", "answer"),
    MenuItem("Organisations", "/organisations", "case", later=True),
    MenuItem("Law", "/law", "case", later=True),
    MenuItem("Reading", "/unusual", "unusual", later=True),
    MenuItem("Retention", "/retention", "retention", later=True),
    MenuItem("Audit", "/audit", "audit", later=True),
    MenuItem("People", "/people", "people", later=True),
)


class Menu(NamedTuple):
    """The links that an account sees: those of the line, those under More, and the one of the page that is open."""

    line: Sequence[MenuItem] = ()
    more: Sequence[MenuItem] = ()
    here: MenuItem | None = None


def menu_of(asked: Asked) -> Menu:
    """The menu of an account, which is one line of a page."""
    shown = [item for item in MENU if asked.may(item.right) and not (asked.session and asked.session.awaits)]
    around = [item for item in shown if f"{asked.path}/".startswith(f"{item.address}/")]
    here = max(around, key=lambda item: len(item.address), default=None)
    if len(shown) <= LONGEST_MENU:
        return Menu(shown, (), here)
    return Menu([each for each in shown if not each.later], [each for each in shown if each.later], here)


def home(asked: Asked) -> Answer:
    """The first page that the account may see."""
    return sign_in.first_page(asked, [item.address for item in MENU if asked.may(item.right)])


ROUTES: tuple[Way, ...] = (
    Way("GET", "/", SIGNED_IN, home),
    Way("GET", "/sign-in", PUBLIC, sign_in.enter),
    Way("POST", "/sign-in", PUBLIC, sign_in.by_password),
    Way("GET", "/sign-in/sso", PUBLIC, single_sign_on.begin, asks_others=True),
    Way("POST", "/sign-in/sso", PUBLIC, single_sign_on.claim, asks_others=True),
    Way("GET", BACK, PUBLIC, single_sign_on.back, asks_others=True),
    Way("GET", "/sign-out/sso", PUBLIC, single_sign_on.out, asks_others=True),
    Way("POST", "/sign-out/sso/ended", PROGRAM, single_sign_on.ended_there, asks_others=True),
    Way("GET", "/start", PUBLIC, sign_in.start),
    Way("POST", "/start", PUBLIC, sign_in.start_now),
    Way("GET", "/reset", PUBLIC, sign_in.ask_reset),
    Way("POST", "/reset", PUBLIC, sign_in.reset, mails=True),
    Way("GET", "/reply/{token}", PUBLIC, reply.show),
    Way("POST", "/reply/{token}", PUBLIC, reply.answer),
    Way("GET", "/reply/{token}/answers", PUBLIC, reply.download),
    Way("POST", "/reply/{token}/answers", PUBLIC, reply.upload),
    Way("GET", "/second-factor", HALF_SIGNED_IN, sign_in.second_factor),
    Way("POST", "/second-factor", HALF_SIGNED_IN, sign_in.give_code),
    Way("GET", "/sign-out", HALF_SIGNED_IN, sign_in.ask_to_leave),
    Way("POST", "/sign-out", HALF_SIGNED_IN, sign_in.leave),
    Way("GET", "/password", SIGNED_IN, sign_in.ask_password),
    Way("POST", "/password", SIGNED_IN, sign_in.set_password),
    Way("GET", "/today", "today", today.today),
    Way("GET", "/lists/{name}", "today", today.one_list),
    Way("GET", "/decide", "record", decide.queue),
    Way("POST", "/decide/{ref}/{seq:int}", "record", decide.decide),
    Way("POST", "/decide/{number:int}", "record", decide.answer),
    Way("GET", "/cases", "cases", cases.cases),
    Way("POST", "/views", "cases", cases.save),
    Way("POST", "/views/{id}", "cases", cases.forget),
    Way("POST", "/together", "record", together.together),
    Way("POST", "/cases/by-nhs-number", "identity", cases.by_nhs_number),
    Way("GET", "/cases/{ref}", "case", case.case, ahead=case.asked_ahead),
    Way("GET", "/cases/{ref}/why/{rule}/{seq:int}", "case", case.why),
    Way("POST", "/cases/{ref}/owner", "record", case.assign_owner),
    Way("GET", "/cases/{ref}/papers", "case", papers.pack),
    Way("GET", "/cases/{ref}/papers/minutes", "case", papers.minutes),
    Way("GET", "/cases/{ref}/papers/items/{item}", "case", papers.brief),
    Way("GET", "/cases/{ref}/ladder", "case", ladder.ladder),
    Way("POST", "/cases/{ref}/ladder", "record", ladder.chased),
    Way("POST", "/cases/{ref}/release", "release", case.release_all),
    Way("GET", "/cases/{ref}/looks", "looks", identity.looks),
    Way("GET", "/cases/{ref}/bundle", "looks", bundles.ask),
    Way("POST", "/cases/{ref}/bundle", "looks", bundles.take),
    Way("GET", "/cases/{ref}/identity", "identity", identity.ask),
    Way("POST", "/cases/{ref}/identity", "identity", identity.show),
    Way("GET", "/cases/{ref}/subject-access", "identity", subject_access.ask),
    Way("POST", "/cases/{ref}/subject-access", "identity", subject_access.take),
    Way("GET", "/cases/{ref}/record", "record", recording.choose),
    Way("GET", "/cases/{ref}/record/{kind}", "record", recording.ask),
    Way("POST", "/cases/{ref}/record/{kind}", "record", recording.check_or_record),
    Way("GET", "/children", "case", children.children),
    Way("GET", "/children/{ref}", "case", children.child),
    Way("POST", "/children/{ref}/identity", "identity", children.show),
    Way("POST", "/children/{ref}/correct", "record", children.correct),
    Way("POST", "/children/{ref}/part", "record", children.part_cases),
    Way("GET", "/children/{ref}/with/{other}", "case", children.compare),
    Way("POST", "/children/{ref}/with/{other}", "record", children.join_cases),
    Way("POST", "/children/{ref}/with/{other}/identity", "identity", children.show_both),
    Way("GET", "/registers", "case", registers.registers),
    Way("GET", "/registers/{name}", "case", registers.one),
    Way("GET", "/law", "case", law.law),
    Way("GET", "/law/rules/{rule}", "case", law.rule),
    Way("POST", "/law/rules/{rule}", "case", law.calculated),
    Way("GET", "/law/packs", "case", rule_packs.packs),
    Way("GET", "/law/packs/{pack}", "case", rule_packs.pack),
    Way("POST", "/law/packs/{pack}", "adopt", rule_packs.adopt),
    Way("GET", "/imports", "import", imports.overview),
    Way("POST", "/imports/file", "import", imports.send),
    Way("GET", "/sen2", "import", sen2.form),
    Way("POST", "/sen2/file", "import", sen2.compare),
    Way("GET", "/imports/{id}", "import", imports.one),
    Way("POST", "/imports/{id}", "import", imports.decide),
    Way("GET", "/imports/{id}/refused", "import", imports.refused_rows),
    Way("GET", "/imports/{id}/rows/{sheet:int}/{line:int}", "import", imports.row),
    Way("POST", "/imports/{id}/rows/{sheet:int}/{line:int}", "import", imports.correct),
    Way("GET", "/law/watch", "case", law.watch),
    Way("POST", "/law/watch", "adopt", law.record_law_check),
    Way("GET", "/policy", "case", policy.overview),
    Way("GET", "/policy/parts/{part}", "adopt", policy_parts.form),
    Way("POST", "/policy/parts/{part}", "adopt", policy_parts.change),
    Way("GET", "/policy/{rule}/{step}", "adopt", policy.form),
    Way("POST", "/policy/{rule}/{step}", "adopt", policy.change),
    Way("GET", "/columns", "import", columns.overview),
    Way("GET", "/columns/{place}", "import", columns.form),
    Way("POST", "/columns/{place}", "import", columns.change),
    Way("GET", "/organisations", "case", organisations.overview),
    Way("GET", "/organisations/month", "case", organisations.month),
    Way("GET", "/organisations/bodies/{body}", "case", organisations.one),
    Way("GET", "/organisations/entries/{sort}/{key}", "directory", directory_entries.form),
    Way("POST", "/organisations/entries/{sort}/{key}", "directory", directory_entries.change),
    Way("POST", "/organisations/mailboxes", "directory", organisations.ask_mailbox),
    Way("GET", "/organisations/mailboxes/{id}", "directory", organisations.mailbox),
    Way("POST", "/organisations/mailboxes/{id}", "directory", organisations.confirm_mailbox),
    Way("GET", "/letters", "letters", letters.letters),
    Way("GET", "/letters/{id}", "letters", letters.letter),
    Way("GET", "/tomorrow", "letters", letters.tomorrow),
    Way("GET", "/held", "letters", letters.held),
    Way("GET", "/templates", "letters", letters.templates),
    Way("GET", "/templates/{id}", "letters", letters.template),
    Way("POST", "/release", "release", letters.release_held),
    Way("GET", "/mails", "mails", mails.mails),
    Way("GET", "/mails/{id}", "mails", mails.mail),
    Way("POST", "/mails/{id}", "mails", mails.decide),
    Way("GET", "/own", "own", own.own),
    Way("GET", "/own/reply", "answer", reply.show),
    Way("POST", "/own/reply", "answer", reply.answer),
    Way("GET", "/own/reply/answers", "answer", reply.download),
    Way("POST", "/own/reply/answers", "answer", reply.upload),
    Way("GET", "/unusual", "unusual", identity.unusual),
    Way("GET", "/retention", "retention", retention.overview),
    Way("POST", "/retention/holds", "erase", retention.begin),
    Way("POST", "/retention/holds/{number:int}", "erase", retention.end),
    Way("POST", "/retention/erasures", "erase", retention.show_or_propose),
    Way("GET", "/retention/erasures/{number:int}", "retention", retention.proposal),
    Way("POST", "/retention/erasures/{number:int}", "erase", retention.decide),
    Way("POST", "/retention/erasures/{number:int}/certificate", "retention", retention.paper),
    Way("GET", "/audit", "audit", audit.overview),
    Way("GET", "/audit/health", "audit", audit.health, asks_others=True),
    Way("GET", "/audit/looks", "looks", audit.looks),
    Way("GET", "/audit/people", "audit", audit.people),
    Way("GET", "/audit/webhooks", "audit", audit.informed),
    Way("POST", "/audit/bundle", "looks", audit.bundle),
    Way("GET", "/help", SIGNED_IN, help.overview),
    Way("GET", "/help/glossary", SIGNED_IN, help.words),
    Way("GET", "/help/accessibility", PUBLIC, help.accessibility),
    Way("GET", "/help/components", SIGNED_IN, help.components),
    Way("GET", "/people", "people", people.people),
    Way("POST", "/people", "people", people.change),
    Way("POST", "/people/invite", "people", people.invite, mails=True),
    Way("POST", "/people/identity", "people", people.part_identity),
    Way("POST", "/people/second-factor", "people", people.remove_factor),
    Way("POST", "/people/tokens", "people", people.make_token),
    Way("POST", "/people/tokens/end", "people", people.end_token),
    Way("GET", "/calendar/{name}/{token}", PROGRAM, calendar.calendar),
    Way("POST", "/notify/receipts", PROGRAM, receipts.notify),
    Way("POST", "/next-day", "next_day", simulation.next_day),
)
