"""Pages of what went wrong: what happened, what it means, what to do."""

from __future__ import annotations

from config.rights import roles
from web.answers import Page
from web.asked import Asked


def fault(title: str, *sentences: str, status: int, back: tuple[str, str] | None = None) -> Page:
    """A page with a title and sentences. `back`: an address to go on from, and its words."""
    return Page("fault.html", {"title": title, "sentences": sentences, "back": back}, status)


def signed_out(_asked: Asked) -> Page:
    """Nobody is signed in."""
    return fault(
        "Sign in first",
        "You are not signed in, or your session has ended: one ends after an hour without use.",
        "Open your sign-in link, or ask the team's administrator for a new one (sendflow sign-in makes it).",
        "With a password or an e-mail address, start from the address /sign-in.",
        status=401,
    )


def not_allowed(asked: Asked, right: str) -> Page:
    """The account has no role, or one that may not see this."""
    titles = sorted(role.title for role in roles().values() if right in role.may)
    yours = f"Your role is {asked.role.title}." if asked.role else "Your account has no role here."
    return fault(
        "You may not open this page",
        f"{yours} The page is for: {', '.join(titles)}.",
        "If you need it for your work, ask the team's administrator to change your role.",
        status=403,
    )


def no_page(status: int) -> Page:
    """There is no such page, or it takes no such request."""
    if status == 405:
        return fault("That cannot be done here", "Nothing was changed. Go back and use the page's buttons.", status=405)
    return fault(
        "There is no such page",
        "The address may be typed wrongly, or the case has another reference.",
        "Start from Today, or search for the case.",
        status=404 if status == 404 else status,
    )


def too_many() -> Page:
    """Somebody tried too often."""
    return fault(
        "Too many attempts",
        "There were too many attempts from this address or with this account, so nothing was checked.",
        "Wait 15 minutes and try again, or ask the team's administrator for a sign-in link.",
        status=429,
    )


def old_form(_asked: Asked) -> Page:
    """The form is of another session, or of none."""
    return fault(
        "This form is too old",
        "You signed in again after the form was opened, so nothing was recorded.",
        "Go back, load the page again and send it again.",
        status=403,
    )


def broken(word: str) -> Page:
    """A fault of the program or of the database."""
    return fault(
        "This page could not be made",
        f"Nothing was recorded by it. The fault is called {word}.",
        "Try again. If it comes again, run sendflow doctor, which says what to repair.",
        status=500,
    )
