"""Single sign-on from the browser's side, with a provider of ours that can lie: who comes in, and what is refused."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import select, update

from casework.access import accounts, identity_provider, sessions, single_sign_on
from casework.access.single_sign_on import AccountIdentity
from config.public_authorities import public_authorities
from models.database import reading, transact
from models.tables import ACCOUNT_IDENTITY, SIGN_IN_ATTEMPT, SIGN_IN_LINK
from tests.support.identity_provider import Claims, LyingProvider, Provider, key_of_nobody, lying_provider, signed
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web.installation import Installation


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as found:
        yield found


@pytest.fixture
def team_of_two(team: Team, provider: LyingProvider) -> Iterator[Team]:
    """A DCO sam.lee, whom the provider knows, and an administrator."""
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    for name, role in (("sam.lee", "dco"), ("admin.team", "administrator")):
        transact(context.engine, partial(accounts.change_role, account=name, role=role, scope="", actor="test"))
    yield team


def installed(team: Team, provider: Provider, **more: Any) -> Installation:
    """The installation with this identity provider."""
    settings = replace(team.context("16 Mar 2026").settings, single_sign_on=provider.access(**more))
    return Installation(settings)


@pytest.fixture
def place(team_of_two: Team, provider: LyingProvider) -> Iterator[Installation]:
    found = installed(team_of_two, provider)
    yield found
    found.close()


def known(place: Installation, provider: Provider, account: str = "sam.lee") -> None:
    """Say that the account is the provider's subject."""
    wanted = AccountIdentity(account, provider.issuer, provider.subject)
    transact(place.engine, lambda each: single_sign_on.identify(each, wanted, "admin.team", datetime.now(UTC)))


def there(person: Browser, address: str = "") -> str:
    """Go to the provider and sign in there: where it sends the browser back to, without the host."""
    if not address:
        answer = person.get("/sign-in/sso", follow_redirects=False)
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
    back = urlsplit(httpx2.get(address, verify=public_authorities()).headers["location"])
    return f"{back.path}?{back.query}"


def sign_in(person: Browser) -> Any:
    return person.get(there(person))


def form_after(page: Any, words: str) -> dict[str, str]:
    """What the first form after these words would send."""
    return fields(f"<main{page.text.partition(words)[2]}")


def title(answer: Any) -> str:
    found = re.search(r"<h1[^>]*>\s*(.*?)\s*</h1>", answer.text, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_known_person_comes_in_with_another_session_than_before(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    person = browser_of(place)
    assert "Sign in by Trust login" in person.get("/sign-in").text
    answer = sign_in(person)
    assert (answer.status_code, answer.url.path) == (200, "/today")
    assert person.cookies["sendflow_session"] not in (person.cookies["sendflow_attempt"], None)
    assert provider.asked["authorize"] == 1


def test_what_is_stored_of_an_attempt_opens_nothing(place: Installation, provider: LyingProvider) -> None:
    person = browser_of(place)
    address = person.get("/sign-in/sso", follow_redirects=False).headers["location"]
    proofs = single_sign_on.proofs_of(person.cookies["sendflow_attempt"])
    assert proofs.state in address and proofs.nonce in address and proofs.verifier not in address
    files = list(place.context().settings.home.glob("sendflow.db*"))
    secrets = [person.cookies["sendflow_attempt"], *proofs]
    assert not [1 for file in files for secret in secrets if secret.encode() in file.read_bytes()]


def test_nobody_comes_in_by_an_e_mail_address_or_the_same_subject_of_another_issuer(
    place: Installation, provider: LyingProvider
) -> None:
    wanted = AccountIdentity("sam.lee", "https://login.other.example/tenant-b", provider.subject)
    transact(place.engine, lambda each: single_sign_on.identify(each, wanted, "admin.team", datetime.now(UTC)))
    provider.says = lambda claims: {**claims, "email": "sam.lee@icb.example", "preferred_username": "sam.lee"}
    person = browser_of(place)
    answer = sign_in(person)
    assert (answer.status_code, title(answer)) == (403, "Nobody has invited this account")
    assert "administrator" in answer.text
    assert person.get("/today").status_code == 401


def later(claims: Claims, by: int) -> Claims:
    return {**claims, "iat": claims["iat"] + by, "exp": claims["exp"] + by}


def test_a_clock_that_differs_by_half_a_minute_lets_people_in(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    for seconds in (30, -330):
        provider.says = partial(later, by=seconds)
        assert sign_in(browser_of(place)).url.path == "/today", seconds


def test_a_new_key_is_read_once_and_a_key_of_nobody_costs_one_question(
    place: Installation, provider: LyingProvider
) -> None:
    known(place, provider)
    assert sign_in(browser_of(place)).url.path == "/today"
    assert provider.asked["keys"] == 1
    assert sign_in(browser_of(place)).url.path == "/today"
    assert provider.asked["keys"] == 1
    provider.rotate()
    assert sign_in(browser_of(place)).url.path == "/today"
    assert provider.asked["keys"] == 2
    provider.writes = lambda claims: signed(claims, key_of_nobody(), kid="key-of-nobody")
    assert sign_in(browser_of(place)).status_code == 502
    assert provider.asked["keys"] == 3


def test_a_key_that_is_published_no_longer_opens_nothing_after_an_hour(
    place: Installation, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(place, provider)
    assert sign_in(browser_of(place)).url.path == "/today"
    stolen, name = provider.key, provider.kid
    provider.rotate()
    provider.writes = lambda claims: signed(claims, stolen, kid=name)
    monkeypatch.setattr(identity_provider, "MOST_AGE_SECONDS", -1.0)
    assert sign_in(browser_of(place)).status_code == 502


def test_an_answer_counts_in_the_browser_that_asked_once_and_for_ten_minutes(
    place: Installation, provider: LyingProvider
) -> None:
    known(place, provider)
    person, thief = browser_of(place), browser_of(place)
    stolen = there(person)
    assert title(thief.get(stolen)) == "Start signing in again"
    there(thief)
    assert title(thief.get(stolen)) == "Start signing in again", "also with a sign-in of its own"
    assert person.get(stolen).url.path == "/today"
    assert title(person.get(stolen)) == "Start signing in again", "replayed"
    late = browser_of(place)
    answer = there(late)
    old = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="microseconds")
    transact(place.engine, lambda each: each.execute(update(SIGN_IN_ATTEMPT).values(expires_at=old)))
    assert title(late.get(answer)) == "Start signing in again"


def test_a_lost_cookie_is_a_page_that_says_start_again(place: Installation, provider: LyingProvider) -> None:
    person = browser_of(place)
    answer = there(person)
    person.cookies.clear()
    found = person.get(answer)
    assert (found.status_code, title(found)) == (400, "Start signing in again")
    assert "/sign-in" in found.text


def test_a_code_of_another_attempt_is_refused_by_pkce(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    victim, thief = browser_of(place), browser_of(place)
    stolen = re.search(r"code=([^&]+)", there(victim))
    assert stolen is not None
    own = re.sub(r"code=[^&]+", f"code={stolen[1]}", there(thief))
    assert thief.get(own).status_code == 502


def test_an_answer_that_names_another_issuer_or_none_is_refused(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    for wrong in ("&iss=https%3A%2F%2Fother.example", ""):
        person = browser_of(place)
        assert person.get(re.sub(r"&iss=[^&]*", wrong, there(person))).status_code == 502
    assert "token" not in provider.asked


def test_who_ends_the_sign_in_there_is_back_at_a_page_with_a_way_on(
    place: Installation, provider: LyingProvider
) -> None:
    provider.denies = True
    answer = sign_in(browser_of(place))
    assert (answer.status_code, title(answer)) == (403, "Trust login did not sign you in")


def link_for(place: Installation, account: str) -> str:
    return transact(place.engine, lambda each: sessions.create_link(each, account, datetime.now(UTC)))


def claimed(place: Installation, link: str) -> Any:
    """Open an invitation, press its button for single sign-on, and go on."""
    person = browser_of(place)
    page = person.get("/start", params={"token": link})
    answer = person.post("/sign-in/sso", data=form_after(page, "from now on"))
    found = re.search(r'href="(http[^"]+)"', answer.text)
    if found is None:
        return answer
    return person.get(there(person, found[1].replace("&amp;", "&")))


def test_an_invitation_names_the_account_once(place: Installation, provider: LyingProvider) -> None:
    link = link_for(place, "sam.lee")
    assert claimed(place, link).url.path == "/today"
    with reading(place.engine) as connection:
        found = single_sign_on.identity_of(connection, "sam.lee")
    assert found == ("sam.lee", provider.issuer, "subject-of-sam")
    assert sign_in(browser_of(place)).url.path == "/today", "from now on without it"
    assert claimed(place, link).status_code == 403
    provider.subject = "subject-of-another"
    assert title(claimed(place, link_for(place, "sam.lee"))) == "Nobody has invited this account"
    assert sign_in(browser_of(place)).status_code == 403


def test_a_link_that_somebody_sends_names_nobody_without_the_button(
    place: Installation, provider: LyingProvider
) -> None:
    person = browser_of(place)
    person.get("/start", params={"token": link_for(place, "sam.lee")})
    address = person.get(f"/sign-in/sso?link={link_for(place, 'sam.lee')}", follow_redirects=False).headers["location"]
    assert title(person.get(there(person, address))) == "Nobody has invited this account"


def test_an_invitation_that_is_refused_may_be_used_again(team_of_two: Team, provider: LyingProvider) -> None:
    place = installed(team_of_two, provider, roles=(("Sendflow.Dco", "dco"),))
    link = link_for(place, "sam.lee")
    assert title(claimed(place, link)) == "Trust login gives you no role that you have here"
    provider.says = lambda claims: {**claims, "roles": ["Sendflow.Dco"]}
    assert claimed(place, link).url.path == "/today"
    place.close()


@pytest.mark.parametrize(
    ("named", "comes_in"),
    [
        (["Sendflow.Dco"], True),
        (["Other.Program", "Sendflow.Dco"], True),
        (["Sendflow.Admin"], False),
        (["sendflow.dco"], False),
        (["dco"], False),
        ([], False),
        ("Sendflow.Dco", True),
    ],
)
def test_an_app_role_lets_in_only_the_role_that_it_stands_for(
    team_of_two: Team, provider: LyingProvider, named: Any, comes_in: bool
) -> None:
    place = installed(team_of_two, provider, roles=(("Sendflow.Dco", "dco"), ("Sendflow.Admin", "administrator")))
    known(place, provider)
    provider.says = lambda claims: {**claims, "roles": named}
    answer = sign_in(browser_of(place))
    assert (answer.status_code == 200) is comes_in
    if not comes_in:
        assert title(answer) == "Trust login gives you no role that you have here" and "app role" in answer.text
    place.close()


def test_an_account_without_a_role_is_shown_whom_to_ask(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    transact(place.engine, partial(accounts.change_role, account="sam.lee", role="", scope="", actor="test"))
    answer = sign_in(browser_of(place))
    assert (answer.status_code, title(answer)) == (403, "Your account has no role here")
    assert "administrator" in answer.text


@pytest.mark.parametrize("overage", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_too_many_groups_are_refused_in_words(team_of_two: Team, provider: LyingProvider, overage: Claims) -> None:
    place = installed(team_of_two, provider, roles=(("a-group", "dco"),), claim="groups")
    known(place, provider)
    provider.says = lambda claims: {**claims, **overage}
    answer = sign_in(browser_of(place))
    assert (answer.status_code, title(answer)) == (403, "Trust login names too many groups")
    provider.says = lambda claims: {**claims, "groups": ["a-group"]}
    assert sign_in(browser_of(place)).url.path == "/today"
    place.close()


@pytest.mark.parametrize(("who", "path"), [("sendflow", "/second-factor"), ("provider", "/today")])
def test_the_second_factor_is_asked_for_by_who_the_settings_say(
    team_of_two: Team, provider: LyingProvider, who: str, path: str
) -> None:
    settings = replace(
        team_of_two.context("16 Mar 2026").settings,
        single_sign_on=provider.access(second_factor=who),
        second_factor=("dco",),
    )
    place = Installation(settings)
    known(place, provider)
    assert sign_in(browser_of(place)).url.path == path
    place.close()


def test_an_identity_that_was_altered_in_the_database_opens_nothing(
    place: Installation, provider: LyingProvider
) -> None:
    known(place, provider)
    with place.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER account_identity_no_update")
        connection.execute(update(ACCOUNT_IDENTITY).values(account="admin.team"))
    assert sign_in(browser_of(place)).status_code == 403


def test_an_administrator_parts_an_account_and_its_sessions_end(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    admin = browser_of(place).sign_in("admin.team")
    page = admin.get("/people")
    assert "Single sign-on" in page.text
    assert provider.subject not in page.text
    form = form_after(page, "Part an account")
    assert "Nobody signs in as" in admin.post("/people/identity", data={**form, "account": "sam.lee"}).text
    assert person.get("/today").status_code == 401
    assert sign_in(browser_of(place)).status_code == 403
    assert admin.post("/people/identity", data={**form, "account": "sam.lee"}).status_code == 400


def test_signing_out_leads_to_the_end_of_the_session_there(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    answer = person.post("/sign-out", data=fields(person.get("/sign-out").text))
    assert "Sign out of Trust login too" in answer.text
    address = person.get("/sign-out/sso", follow_redirects=False).headers["location"]
    assert address.startswith(f"{provider.issuer}/logout?client_id=") and "%2Fsign-in" in address
    assert person.get("/today").status_code == 401


def test_a_provider_that_is_another_one_or_gone_is_a_page_and_links_still_work(
    place: Installation, provider: LyingProvider
) -> None:
    provider.publishes = {"issuer": "https://login.other.example"}
    answer = browser_of(place).get("/sign-in/sso")
    assert (answer.status_code, title(answer)) == (502, "Signing in by Trust login does not work now")
    provider.stop()
    assert browser_of(place).get("/sign-in/sso").status_code == 502
    assert browser_of(place).sign_in("sam.lee").get("/today").status_code == 200


def test_no_log_and_no_page_has_a_token_a_subject_or_the_secret(
    place: Installation, provider: LyingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pages = [sign_in(browser_of(place)).text]
    provider.says = lambda claims: {**claims, "exp": claims["iat"] - 600}
    pages.append(sign_in(browser_of(place)).text)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sendflow")]
    assert "a single sign-on was refused (not_invited)" in ours
    said = json.dumps([pages, ours])
    secret = provider.access().secret
    assert provider.subject not in said and secret not in said and "eyJ" not in said
    assert secret not in repr(place.context().settings)


def test_without_an_identity_provider_there_is_no_such_page(team_of_two: Team) -> None:
    place = Installation(team_of_two.context("16 Mar 2026").settings)
    person = browser_of(place)
    assert "/sign-in/sso" not in person.get("/sign-in").text
    for path in ("/sign-in/sso", "/sign-in/sso/back?code=x&state=y", "/sign-out/sso"):
        assert person.get(path).status_code == 404
    with reading(place.engine) as connection:
        assert connection.execute(select(SIGN_IN_LINK)).all() == []
    place.close()
