"""GOV.UK Notify as a mail transport, by its official client: one e-mail to one mailbox, and what became of it. [I/O]

The template at Notify has two fields, subject and body, which are the letter's own words: references, services and
dates. The reference is the letter's id. Notify does not refuse a second e-mail with the same reference, and a lost
answer looks like a dead server, although the e-mail may have been taken. So after each failure whose outcome is
unknown Notify is asked for the reference, at once and until it answers. Errors differ by status and name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from config.notify_settings import NotifyAccess
from notifications.transport import NOT_TAKEN, Attempt, Letter, Outcome, Receipt

if TYPE_CHECKING:
    from notifications_python_client.errors import APIError

SECONDS = 30
UNREACHABLE = "notify_unreachable"
MINUTE, DAY_LIMIT_WAIT = timedelta(minutes=1), timedelta(hours=1)


class Fate(NamedTuple):
    """What Notify says of an e-mail: its status, and the version of the template that it was made of."""

    status: str
    template_version: int | None


class NotifyTransport:
    """Sends by GOV.UK Notify. One object is for one thread, because the client is."""

    def __init__(self, access: NotifyAccess, seconds: float = SECONDS) -> None:
        """Take the key and the template, and the time limit of one answer in seconds."""
        from notifications_python_client.notifications import NotificationsAPIClient  # lazy: a third of a second

        # It logs what Notify says of an e-mail, which quotes the address.
        logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)
        self._access = access
        # The client has no annotations.
        self._client: Any = NotificationsAPIClient(access.key, access.url, seconds)  # type: ignore[no-untyped-call]

    def send(self, letter: Letter) -> Attempt:
        """Try once. A letter whose earlier attempt has an unknown outcome is only looked for: if Notify never took it,
        it did not leave, and is written again with what is true by then.
        """
        from notifications_python_client.errors import APIError  # lazy, as above

        if letter.again:
            return self._look_for(letter) or Attempt(Outcome.UNREACHABLE, UNREACHABLE)
        try:
            answer = self._client.send_email_notification(
                email_address=letter.mailbox,
                template_id=self._access.template,
                personalisation={"subject": letter.subject, "body": letter.text},
                reference=letter.id,
                email_reply_to_id=self._access.reply_to,
            )
        except APIError as problem:
            return self._failed(letter, problem)
        return _accepted(letter, answer)

    def fate(self, id_: str) -> Fate | None:
        """What became of an e-mail, by Notify's id; None if it does not know, or did not answer."""
        from notifications_python_client.errors import APIError  # lazy, as above

        try:
            answer = self._client.get_notification_by_id(id_)
        except APIError:
            return None
        return _fate(answer)

    def _failed(self, letter: Letter, problem: APIError) -> Attempt:
        status, name = _named(problem)
        if problem.response is not None and status < 500:
            return _refused(status, name)
        found = self._look_for(letter)
        if found is not None and found.outcome is Outcome.ACCEPTED:
            return found
        if found is None or problem.response is None:
            return Attempt(Outcome.UNKNOWN, UNREACHABLE)
        return Attempt(Outcome.LATER, "notify_error")

    def _look_for(self, letter: Letter) -> Attempt | None:
        """The e-mail with the letter's reference: accepted, or not found; None if Notify did not answer."""
        from notifications_python_client.errors import APIError  # lazy, as above

        try:
            answer = self._client.get_all_notifications(template_type="email", reference=letter.id)
        except APIError:
            return None
        found = answer.get("notifications") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            return None
        return _accepted(letter, found[0]) if found else Attempt(Outcome.LATER, NOT_TAKEN, once=True)


def _accepted(letter: Letter, answer: Any) -> Attempt:
    """Notify took the e-mail. What its answer does not have is not guessed: the e-mail was sent all the same."""
    body = answer if isinstance(answer, Mapping) else {}
    content = body.get("content")
    words = content if isinstance(content, Mapping) else body
    shown = " ".join(str(words.get("body") or "").split())
    same = " ".join(letter.text.split()) in shown and letter.subject in str(words.get("subject") or "")
    receipt = Receipt(str(body.get("id") or ""), _version(body), same)
    return Attempt(Outcome.ACCEPTED, receipt=receipt if receipt.id else None, once=True)


def _refused(status: int, name: str) -> Attempt:
    """An answer that says no. None of them is of this letter for good: a wrong key or template is of every letter."""
    if status == 429:
        minute = name == "RateLimitError"
        why, pause = ("notify_minute_limit", MINUTE) if minute else ("notify_day_limit", DAY_LIMIT_WAIT)
        return Attempt(Outcome.LATER, why, pause=pause)
    return Attempt(Outcome.LATER, "notify_login_refused" if status in (401, 403) else "notify_rejected")


def _named(problem: APIError) -> tuple[int, str]:
    said: Any = problem.message
    first = said[0] if isinstance(said, list) and said else {}
    return problem.status_code, str(first.get("error") or "") if isinstance(first, dict) else ""


def _fate(answer: Any) -> Fate | None:
    status = answer.get("status") if isinstance(answer, Mapping) else None
    return Fate(status, _version(answer) or None) if isinstance(status, str) else None


def _version(body: Mapping[str, Any]) -> int:
    template = body.get("template")
    version = template.get("version") if isinstance(template, Mapping) else None
    return version if isinstance(version, int) else 0
