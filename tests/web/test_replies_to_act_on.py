"""An answer on which a person acts is listed under "To decide" with what to do, and is answered there."""

from __future__ import annotations

import pytest

from casework.access import accounts
from models.database import transact
from tests.support.by_hand import CASE
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from tests.web.test_reply import anybody, choose, duty_token, place, send
from web.installation import Installation

__all__ = ["anybody", "place"]


@pytest.fixture(autouse=True)
def people(place: Installation) -> None:
    """A DCO and an auditor have accounts."""
    engine = place.context().engine
    transact(engine, lambda each: accounts.change_role(each, "dco.team", "dco", "", "test"))
    transact(engine, lambda each: accounts.change_role(each, "auditor", "auditor", "", "test"))


def test_wrong_mailbox_by_a_link_waits_on_today_and_is_answered_on_the_queue(
    place: Installation, anybody: Browser
) -> None:
    token = duty_token(place)
    assert "Your answer is recorded" in send(anybody, token, choose(anybody, token, "wrong_mailbox")).text
    dco = browser_of(place).sign_in("dco.team")
    today = dco.get("/today").text
    assert "<strong>Wrong mailbox</strong>: Speech and Language Therapy" in today
    assert "Correct it in the directory" in today and f'href="/cases/{CASE}"' in today
    assert 'href="/decide#waits-1"' in today and ">1</span> for a person to decide" in today
    page = dco.get("/decide").text
    form = {"token": fields(page)["token"], "how": "done"}
    assert "It is done" in page
    done = dco.post("/decide/1", data=form).text
    assert "The answer is stored" in done and "Nothing waits for a decision" in done
    assert "Wrong mailbox" not in dco.get("/today").text


def test_an_auditor_reads_it_and_may_not_answer_it(place: Installation, anybody: Browser) -> None:
    token = duty_token(place)
    send(anybody, token, choose(anybody, token, "wrong_mailbox"))
    auditor = browser_of(place).sign_in("auditor")
    page = auditor.get("/today").text
    assert "<strong>Wrong mailbox</strong>" in page and "/decide#waits" not in page
    assert auditor.get("/decide").status_code == 403


def test_an_answer_that_is_taken_back_waits_no_more(place: Installation, anybody: Browser) -> None:
    token = duty_token(place)
    page = send(anybody, token, choose(anybody, token, "wrong_mailbox"))
    again = anybody.post(f"/reply/{token}", data={**fields(page.text), "number": "1", "step": "undo"})
    assert "taken back" in again.text
    assert "Wrong mailbox" not in browser_of(place).sign_in("dco.team").get("/today").text
