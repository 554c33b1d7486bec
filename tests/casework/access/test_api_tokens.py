"""Tokens of programs: each opens what its account and its scopes allow, until it ends, and no row has the token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from casework.access import accounts, api_tokens
from casework.access.api_tokens import ApiToken, TooManyCalls, WrongToken, caller_of, end, listed, make
from casework.context import AppContext
from models.database import reading, writing
from models.tables import API_TOKEN
from tests.support.team import Team

NOBODY = "sendflow_" + "A" * 43


@pytest.fixture
def context(team: Team) -> AppContext:
    """An installation with an administrator's account for a program."""
    found = team.context("2 Mar 2026")
    with writing(found.engine) as connection:
        accounts.change_role(connection, "council.system", "administrator", "", "sam.lee")
        accounts.change_role(connection, "trust.system", "provider", "QX101", "sam.lee")
    return found


def given(context: AppContext, *scopes: str, account: str = "council.system", **more: Any) -> tuple[str, ApiToken]:
    return make(context, account, scopes, 30, "sam.lee", **more)


def test_a_token_is_the_account_with_its_scopes_only(context: AppContext) -> None:
    secret, made = given(context, "record", "case")
    caller = caller_of(context, secret, "192.0.2.1")
    assert caller is not None
    assert (caller.account, sorted(caller.rights), caller.scope) == ("council.system", ["case", "record"], "")
    assert made.scopes == ["case", "record"]
    secret, _made = given(context, "own", account="trust.system")
    provider = caller_of(context, secret, "192.0.2.1")
    assert provider is not None
    assert (sorted(provider.rights), provider.scope) == (["own"], "QX101")


def test_the_database_has_no_token_and_shows_its_last_use(context: AppContext) -> None:
    secret, made = given(context, "case")
    assert listed(context) == [made]
    assert made.used_at is None
    caller_of(context, secret, "192.0.2.1")
    (seen,) = listed(context)
    assert seen.used_at is not None
    assert secret.encode() not in context.settings.records.read_bytes()
    with reading(context.engine) as connection:
        (row,) = connection.execute(API_TOKEN.select()).all()
    assert secret not in tuple(row)


def test_every_token_that_opens_nothing_looks_alike(context: AppContext) -> None:
    ended, made = given(context, "case")
    end(context, made.id, "sam.lee")
    expired, made = given(context, "case")
    with writing(context.engine) as connection:
        old = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        connection.execute(update(API_TOKEN).where(API_TOKEN.c.id == made.id).values(expires_at=old))
    wrong = [ended, expired, NOBODY, "", "x", secret_of_another_form(ended), "é" * 52]
    assert [caller_of(context, each, "192.0.2.1") for each in wrong] == [None] * len(wrong)


def secret_of_another_form(secret: str) -> str:
    return secret.swapcase()


@pytest.mark.parametrize(
    ("column", "value"),
    [("scopes", "case identity"), ("account", "trust.system"), ("expires_at", "2999"), ("ended_at", None)],
)
def test_a_row_that_was_altered_opens_nothing(context: AppContext, column: str, value: str | None) -> None:
    secret, made = given(context, "case")
    if column == "ended_at":
        end(context, made.id, "sam.lee")
    with writing(context.engine) as connection:
        connection.execute(update(API_TOKEN).values(**{column: value}))
    assert caller_of(context, secret, "192.0.2.1") is None


def test_a_change_of_role_ends_the_tokens_of_the_account_and_the_same_role_again_does_not(context: AppContext) -> None:
    secret, _made = given(context, "case")
    other, _made = given(context, "own", account="trust.system")
    with writing(context.engine) as connection:
        accounts.change_role(connection, "council.system", "administrator", "", "sam.lee")
    assert caller_of(context, secret, "192.0.2.1") is not None
    with writing(context.engine) as connection:
        accounts.change_role(connection, "council.system", "dco", "", "kim.lee")
        accounts.change_role(connection, "council.system", "administrator", "", "kim.lee")
    assert caller_of(context, secret, "192.0.2.1") is None
    assert caller_of(context, other, "192.0.2.1") is not None
    assert {each.ended_by for each in listed(context)} == {"kim.lee", None}


@pytest.mark.parametrize(
    ("account", "scopes", "days", "says"),
    [
        ("council.system", (), 30, "one scope or more"),
        ("council.system", ("all",), 30, "all is no scope"),
        ("council.system", ("people",), 30, "people is no scope"),
        ("council.system", ("own",), 30, "has no right own"),
        ("trust.system", ("case",), 30, "has no right case"),
        ("council.system", ("case",), 0, "1 to 366 days"),
        ("council.system", ("case",), 367, "1 to 366 days"),
        ("nobody.here", ("case",), 30, "has no role"),
        ("Maisie Canary", ("case",), 30, "has no role"),
    ],
)
def test_a_token_that_cannot_be_is_not_made(
    context: AppContext, account: str, scopes: tuple[str, ...], days: int, says: str
) -> None:
    with pytest.raises((WrongToken, accounts.WrongAccount), match=says) as refused:
        make(context, account, scopes, days, "sam.lee")
    assert "Maisie" not in str(refused.value)
    assert listed(context) == []


def test_nobody_gives_a_right_that_is_not_their_own(context: AppContext) -> None:
    with pytest.raises(WrongToken, match="cannot give the right case"):
        given(context, "case", may={"letters", "people"})
    with pytest.raises(WrongToken, match="cannot give the right own"):
        given(context, "own", account="trust.system", may={"letters", "people"})
    given(context, "own", account="trust.system", may={"record", "people"})


def test_an_id_that_is_none_or_has_ended_is_said_to_be_none(context: AppContext) -> None:
    _secret, made = given(context, "case")
    end(context, made.id, "sam.lee")
    for id_ in (made.id, "t-00000000", ""):
        with pytest.raises(WrongToken, match="there is no such token"):
            end(context, id_, "sam.lee")


def test_calls_are_counted_by_token_and_wrong_ones_by_address(
    context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "CALLS", api_tokens.CALLS._replace(most=4))
    monkeypatch.setattr(api_tokens, "WRONG_TOKENS", api_tokens.WRONG_TOKENS._replace(most=3))
    busy, _made = given(context, "case")
    other, _made = given(context, "case")
    for _ in range(api_tokens.CALLS.most):
        caller_of(context, busy, "192.0.2.1")
    with pytest.raises(TooManyCalls) as refused:
        caller_of(context, busy, "192.0.2.2")
    assert refused.value.seconds == 60
    assert caller_of(context, other, "192.0.2.1") is not None
    for _ in range(api_tokens.WRONG_TOKENS.most):
        assert caller_of(context, NOBODY, "192.0.2.9") is None
    with pytest.raises(TooManyCalls):
        caller_of(context, NOBODY, "192.0.2.9")
    assert caller_of(context, other, "192.0.2.9") is not None, "a right token is answered from any address"
