"""The limit of attempts to sign in from one address."""

from __future__ import annotations

from casework.access import limits
from tests.web.conftest import browser_of
from tests.web.test_accounts import by_password, give_password, place
from web.installation import Installation

__all__ = ["place"]  # the fixture


def test_only_wrong_attempts_count_against_an_address(place: Installation) -> None:
    """A whole team may sign in from one address in a morning: what was right is not counted."""
    give_password(place, "dco.team")
    for _person in range(limits.ADDRESS.most + 1):
        assert browser_of(place).sign_in("dco.team").get("/today").status_code == 200
        assert by_password(place, "dco.team")[1].url.path == "/today"
    wrong = browser_of(place)
    answers = [wrong.get("/sign-in?token=none").status_code for _ in range(limits.ADDRESS.most + 1)]
    assert (answers.count(429), answers[-1]) == (1, 429)
