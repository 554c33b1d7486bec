"""The page of a case and `case` say from which account and machine each fact was recorded, to who may see it."""

from __future__ import annotations

import json
import os
import pwd
import socket

import pytest

from casework.access import accounts
from casework.reports.who_acted import ActedBy, who_acted
from models.acting import signed_in
from models.database import transact
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import browser_of
from web.installation import Installation

CASE, DAY = "NX90001", "2 Feb 2026"
HERE, ME = socket.gethostname(), pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def recorded(team: Team) -> Team:
    """A case that a command opened and a person who signed in went on with."""
    team.record(DAY, "ehc_assessment_requested", case=CASE, la="northshire")
    with signed_in("sam.lee"):
        team.record(DAY, "assessment_agreed", case=CASE)
    return team


def test_each_fact_has_the_account_and_the_machine(recorded: Team) -> None:
    assert who_acted(recorded.context(DAY), CASE) == {
        1: ActedBy(account=ME, machine=HERE, how="machine"),
        2: ActedBy(account="sam.lee", machine=HERE, how="signed_in"),
    }


def test_the_page_of_a_case_says_it_to_auditors_and_the_dco_alone(recorded: Team) -> None:
    context = recorded.context(DAY)
    installation = Installation(context.settings, context)
    said = (f"Acting: the account {ME} of the machine {HERE}.", f"Acting: sam.lee, signed in on {HERE}.")
    for account, role, sees in (("aud", "auditor", True), ("dco.team", "dco", True), ("adm", "administrator", False)):
        transact(context.engine, lambda each, a=account, r=role: accounts.change_role(each, a, r, "", "kim.roe"))  # type: ignore[misc]
        page = " ".join(browser_of(installation).sign_in(account).get(f"/cases/{CASE}").text.split())
        assert [words in page for words in said] == [sees, sees], role
    installation.close()


def test_who_recorded_most_facts_is_named_once_above_the_history(recorded: Team) -> None:
    recorded.record(DAY, "health_advice_requested", case=CASE, service="physiotherapy")
    context = recorded.context(DAY)
    installation = Installation(context.settings, context)
    transact(context.engine, lambda each: accounts.change_role(each, "aud", "auditor", "", "kim.roe"))
    page = " ".join(browser_of(installation).sign_in("aud").get(f"/cases/{CASE}").text.split())
    installation.close()
    assert page.count(f"the account {ME} of the machine {HERE}") == 1
    above, _heading, facts = page.partition(f"where a fact names nobody else: the account {ME} of the machine {HERE}.")
    assert above.count("Acting") == 1 and facts.count(f"Acting: sam.lee, signed in on {HERE}.") == 1
    assert facts.count("Acting") == 1


def test_the_command_says_it_as_json_and_where_it_is_asked_for(recorded: Team) -> None:
    env = {"SENDFLOW_HOME": str(recorded.home), "SENDFLOW_TODAY": "2026-02-02"}
    document = json.loads(sendflow("case", CASE, "--json", env=env).stdout)
    assert document["acted_by"] == [
        {"seq": 1, "account": ME, "machine": HERE, "how": "machine"},
        {"seq": 2, "account": "sam.lee", "machine": HERE, "how": "signed_in"},
    ]
    text = sendflow("case", CASE, "--acting", env=env).stdout
    assert f"dco.team: the account {ME} of {HERE}" in text
    assert f"dco.team: sam.lee, signed in on the pages of {HERE}" in text
    assert "Who acted" not in sendflow("case", CASE, env=env).stdout
