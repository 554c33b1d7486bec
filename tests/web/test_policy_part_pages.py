"""Letters about facts and ends, claims and waits of the escalation policy, changed on pages and by the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from audit.verify import verify
from casework.delivery.ladder_check import check
from casework.own_file_changes import history
from casework.policy_changes import PartChange, parts_of, propose_part
from casework.rule_packs import adoptions, rulesets
from casework.rules.config_held import LADDER
from config.settings import ADOPTIONS
from models.database import reading
from models.tables import NOTICE
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_organisation_pages import form_sent, person, place
from tests.web.test_retention_page import post
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

__all__ = ["person", "place"]
RULE = "ehc_body_advice_respond"
ASKED = "letter.health_advice_requested"
CLAIM = f"said_sent.{RULE}"
GRACE = "grace.ehc_needs_assessment"


def path(part: str) -> str:
    return f"/policy/parts/{part}"


def seen_by(visitor: Browser, part: str, **given: str) -> dict[str, str]:
    """These answers about a part, with the policy that the page was made from."""
    return {"base": form_sent(visitor, path(part), "base")["base"], **given}


def recipients(place: Installation) -> list[tuple[str, str]]:
    """The recipients of each letter about a request, by the case's opening."""
    with reading(place.context().engine) as connection:
        chosen = select(NOTICE.c.fact_seq, NOTICE.c.recipient).where(NOTICE.c.rung == "request_received")
        return [(row.fact_seq, row.recipient) for row in connection.execute(chosen.order_by(NOTICE.c.fact_seq))]


def test_a_letter_about_a_fact_goes_to_one_more(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.asked("9 Feb 2026")
    first = recipients(place)
    assert {each for _seq, each in first} == {"service"}
    dco = person("dco.team")
    assert "Letters about a fact" in text_of(dco.get("/policy").text)
    sent = form_sent(dco, path(ASKED), "to-service")
    same = post(dco, path(ASKED), **sent)
    assert same.status_code == 400 and "says so already" in same.text
    more = sent | {"to-dco": "yes"}
    seen = text_of(post(dco, path(ASKED), **more).text)
    assert "Check before it is recorded" in seen and f"{len(first)} e-mail" in seen and "on 1 case" in seen
    assert "No e-mail of the next four weeks would differ" in seen
    assert len(rulesets(place.context())) == 1, "nothing is recorded yet"
    assert "The change is recorded" in post(dco, path(ASKED), **more | {"step": "record"}).text
    assert parts_of(place.context())[ASKED]["to"] == ["service", "dco"]
    assert adoptions(place.context())[0].actor == "dco.team"
    Team(team.home).asked("10 Feb 2026", service="occupational_therapy")
    later = [each for each in recipients(place) if each not in first]
    assert {each for _seq, each in later} == {"service", "dco"}
    assert verify(place.context()).intact


def test_what_a_claim_and_a_late_record_mean_is_changed(place: Installation, person: Callable[[str], Browser]) -> None:
    dco = person("dco.team")
    claim = form_sent(dco, path(CLAIM), "confirm")
    assert (claim["confirm"], claim["quiet_working_days"]) == ("yes", "5")
    seen = text_of(post(dco, path(CLAIM), **claim | {"quiet_working_days": "2"}).text)
    assert "no step falls due for 2 working days" in seen
    post(dco, path(CLAIM), **claim | {"quiet_working_days": "2", "step": "record"})
    said = place.context().escalation_policy.said_sent[RULE]
    assert (said.confirm, said.quiet_working_days) == (True, 2)
    wait = form_sent(dco, path(GRACE), "grace_working_days")
    post(dco, path(GRACE), **wait | {"grace_working_days": "0", "step": "record"})
    assert place.context().escalation_policy.grace[RULE] == 0
    assert place.context().escalation_policy.said_sent[RULE].quiet_working_days == 2, "the first change stays"
    assert check(place.context()) == check(place.context().with_policy(None))
    assert verify(place.context()).intact


def test_a_part_of_the_teams_own_file_is_changed_there(place: Installation, person: Callable[[str], Browser]) -> None:
    shipped = (place.context().rule_folders[0] / "ladder" / "ehc_needs_assessment.toml").read_text("utf-8")
    own = place.context().settings.home / "ladder.toml"
    own.write_text(shipped, "utf-8")
    place.context().reloaded().ensure_ruleset_active("sweep")
    dco = person("dco.team")
    over = f"ended.{RULE}"
    sent = form_sent(dco, path(over), "to-service")
    gone = {name: value for name, value in sent.items() if name != "to-service"}
    seen = text_of(post(dco, path(over), **gone).text)
    assert "To those who got an e-mail about it" in seen and "none was made" in seen
    assert "The change is recorded" in post(dco, path(over), **gone | {"step": "record"}).text
    assert place.context().escalation_policy.ended[RULE].to == ()
    post(dco, path("grace.ladder"), **seen_by(dco, "grace.ladder", grace_working_days="7", step="record"))
    assert "grace_working_days = 7  # letters" in own.read_text("utf-8")
    assert [(each.actor, each.via) for each in history(place.context(), LADDER)][:2] == [("dco.team", "page")] * 2


def test_two_people_change_a_part_where_adoptions_need_two(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    settings = replace(place.context().settings, second_person=frozenset({ADOPTIONS}))
    place._context = replace(place.context(), settings=settings)
    dco, admin = person("dco.team"), person("admin.team")
    first = post(dco, path(GRACE), **seen_by(dco, GRACE, grace_working_days="4", step="record"))
    assert (first.status_code, "a second person has to agree" in first.text) == (409, True)
    assert place.context().escalation_policy.grace[RULE] == 2
    agreed = post(admin, path(GRACE), **seen_by(admin, GRACE, grace_working_days="4", step="record"))
    assert "The change is recorded" in agreed.text
    assert place.context().escalation_policy.grace[RULE] == 4


@pytest.mark.parametrize(
    ("part", "given", "said"),
    [
        (ASKED, {}, "who gets it"),
        (CLAIM, {"confirm": "perhaps", "quiet_working_days": "2"}, "choose one of the list"),
        (CLAIM, {"confirm": "yes", "quiet_working_days": "21"}, "less than or equal to 20"),
        (GRACE, {"grace_working_days": "x"}, "enter a whole number"),
    ],
)
def test_a_wrong_part_is_refused_beside_its_question(
    place: Installation, person: Callable[[str], Browser], part: str, given: dict[str, str], said: str
) -> None:
    dco = person("dco.team")
    refused = post(dco, path(part), **seen_by(dco, part, **given))
    assert (refused.status_code, said in refused.text.lower()) == (400, True)
    assert len(rulesets(place.context())) == 1


def test_the_page_and_the_command_change_the_same_part(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.asked("9 Feb 2026")
    context, dco = place.context(), person("dco.team")
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": "2026-02-10"}
    by_page = propose_part(context, PartChange(ASKED, {"to": ["service", "dco"]}))
    tried = json.loads(sendflow("policy", "try-part", ASKED, "to=service,dco", "--json", env=env).stdout)
    assert tried["lately"] == [each._asdict() for each in by_page.lately] != []
    assert tried["month"] == [row.model_dump(mode="json") for row in by_page.month]
    assert sendflow("policy", "set-part", ASKED, "to=service,dco", "--actor", "dco.team", env=env).exit_code == 0
    assert form_sent(dco, path(ASKED), "to-service").keys() >= {"to-service", "to-dco"}
    assert f"{ASKED}: to=service,dco" in sendflow("policy", "parts", env=env).stdout
    listed = json.loads(sendflow("policy", "parts", "--json", env=env).stdout)
    assert {each["part"] for each in listed} == parts_of(place.context()).keys()
    for wrong, code in (
        (("set-part", ASKED, "to="), 1),
        (("set-part", ASKED, "template=thanks"), 2),
        (("set-part", CLAIM, "confirm=perhaps"), 2),
        (("set-part", "letter.none", "to=dco"), 2),
        (("set-part", ASKED), 2),
    ):
        assert sendflow("policy", *wrong, "--actor", "dco.team", env=env).exit_code == code, wrong
    assert sendflow("policy", "set-part", ASKED, "to=dco", env=env).exit_code == 2
    assert dco.get(path("letter.none")).status_code == 404
    auditor = person("aud")
    assert "Letters about a fact" in auditor.get("/policy").text and path(ASKED) not in auditor.get("/policy").text
    assert auditor.get(path(ASKED)).status_code == 403
