"""The links that a letter has: one for each thing that it asks a body for, and one for all that its mailbox owes.

The stored letter has placeholders. The links are put in as it leaves, so that neither the database, a page nor a list
of letters shows one that works.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from casework.context import AppContext
from casework.delivery.compose import LetterContent, duty_name
from casework.replies.links import (
    ANSWERS_FOR_THE_BODY,
    Link,
    address_for_answers,
    link_to_all,
    link_to_duty,
    placeholder_of,
    store_links,
    with_links,
)
from casework.replies.record import Asked
from notifications.notices import NoticeDraft
from notifications.outbox import LeasedLetter
from notifications.render import Rendered, newest


def put_placeholders(
    context: AppContext, connection: Connection, mailbox: str, content: LetterContent, drafts: Sequence[NoticeDraft]
) -> LetterContent:
    """The content of a letter with a placeholder for each link, and the links stored. Without an address: no link."""
    if address_for_answers(context.settings) is None:
        return content
    links = _links(mailbox, drafts)
    if not links:
        return content
    everything = link_to_all(mailbox, date.fromisoformat(content.fields["on"]))
    store_links(connection, context.cipher, [*links.values(), everything], context.now())
    shown = {name: placeholder_of(context.cipher, link) for name, link in links.items()}
    whole = {"all": placeholder_of(context.cipher, everything)}
    if "items" not in content.fields:
        (this,) = set(shown.values())
        return content._replace(fields={**content.fields, "links": {"this": this, **whole}})
    items = [_item(item, shown) for item in content.fields["items"]]
    return content._replace(fields={**content.fields, "items": items, "links": whole})


def renew_links(context: AppContext, connection: Connection, letter: LeasedLetter) -> None:
    """Store the links of a letter that leaves as it was written before: they may have ended while it waited."""
    store_links(connection, context.cipher, _links_in(letter), context.now())


def put_links(context: AppContext, letter: LeasedLetter, content: Rendered) -> Rendered:
    """A rendered letter with its links in place of the placeholders."""
    links = _links_in(letter)
    if not links:
        return content
    address = address_for_answers(context.settings)
    text, html = (with_links(each, context.cipher, links, address) for each in (content.text, content.html))
    return content._replace(text=text, html=html)


def _links_in(letter: LeasedLetter) -> list[Link]:
    """The links for which a stored letter has placeholders."""
    links = list(_links(letter.mailbox, letter.notices).values())
    if not links or "links" not in letter.fields:
        return []
    return [*links, link_to_all(letter.mailbox, date.fromisoformat(letter.fields["on"]))]


def _links(mailbox: str, drafts: Sequence[NoticeDraft]) -> dict[str, Link]:
    """The link of each duty that the notices ask a body for. Several notices of one duty have one link."""
    found: dict[str, Link] = {}
    for draft in sorted(drafts, key=lambda each: (-each.rank, each.key)):
        if draft.body is None or draft.recipient not in ANSWERS_FOR_THE_BODY:
            continue
        if newest(draft.fields["letter"]).called_for != "open":
            continue
        recipient = str(draft.recipient)
        asked = Asked(draft.case_ref, draft.rule, draft.opened_seq, draft.body, draft.service, recipient)
        found.setdefault(duty_name(draft), link_to_duty(asked, mailbox, draft.key))
    return found


def _item(item: dict[str, Any], shown: dict[str, str]) -> dict[str, Any]:
    if item["duty"] not in shown:
        return item
    return {**item, "fields": {**item["fields"], "links": {"this": shown[item["duty"]]}}}
