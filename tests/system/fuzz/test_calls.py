"""Random arguments of commands and requests to addresses: the exit code or status is a documented one, and the answer
has no traceback and does not repeat the input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from config.settings import Settings
from runtime.health.server import HealthServer, Heartbeat
from tests.support.calling import sendflow
from tests.support.examples import examples
from tests.support.team import Team

CANARY = "Zuzanna Wrobelek"
QUIET = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
KINDS = st.sampled_from(
    (
        "ehc_assessment_requested",
        "health_advice_requested",
        "health_advice_received",
        "excuse_claimed",
        "excuse_decided",
        "fact_corrected",
        "fact_withdrawn",
        "waiting_list_stated",
        "draft_plan_received",
        "move_known",
        "continuing_care_referral_received",
    )
)
KEYS = st.sampled_from(
    (
        "la",
        "service",
        "body",
        "note",
        "reason",
        "ground",
        "claim",
        "look_again_on",
        "began_on",
        "occurred_on",
        "nhs_number",
        "linked_to",
        "date_of_birth",
        "section_g",
        "weeks",
        "answer",
        "decision",
    )
)
VALUES = st.one_of(
    TEXT,
    TEXT.map(lambda text: f"{CANARY}{text}"),
    st.sampled_from(
        ("", "QX101", "northshire", "2026-04-01", "2026-02-30", "9" * 400, "true", "[]", "{}", "\u202e", "1e400")
    ),
    st.integers().map(str),
    st.dates().map(str),
)
LOOKING = ("case", "due", "verify", "letters", "joint-review", "explain", "sweep", "overdue")
PAIRS = st.lists(
    st.one_of(st.tuples(KEYS, VALUES).map("=".join), st.tuples(TEXT, VALUES).map("=".join), TEXT), max_size=4
)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[HealthServer]:
    with HealthServer(Settings(home=tmp_path), Heartbeat()) as made:
        yield made


@QUIET
@given(
    case=st.one_of(st.just("NX90001"), TEXT),
    kind=st.one_of(KINDS, TEXT),
    on=st.one_of(st.dates().map(str), TEXT),
    actor=st.one_of(st.just("dco.team"), TEXT),
    pairs=PAIRS,
)
def test_record_refuses_or_accepts_any_argument(
    team: Team, case: str, kind: str, on: str, actor: str, pairs: list[str]
) -> None:
    if not team.lines():
        team.opened("2 Feb 2026").asked("2 Mar 2026")
    words = [
        "record",
        "--json",
        f"--on={on}",
        f"--actor={actor}",
        *(f"--data={pair}" for pair in pairs),
        "--",
        case,
        kind,
    ]
    done = sendflow(*words, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-04-14"})
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in {0, 1, 2}
    assert CANARY not in done.output
    if done.exit_code == 0:
        json.loads(done.stdout)
        assert team.verify("14 Apr 2026").damage == []


@QUIET
@given(
    words=st.lists(st.one_of(TEXT, st.just(CANARY), st.dates().map(str)), max_size=3), command=st.sampled_from(LOOKING)
)
def test_commands_that_read_answer_any_argument(team: Team, command: str, words: list[str]) -> None:
    assume(not any(word.startswith("-") for word in words))
    done = sendflow(command, "--", *words, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-04-14"})
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in {0, 1, 2}
    assert CANARY not in done.output


@QUIET
@given(
    path=st.one_of(
        TEXT,
        TEXT.map(lambda text: f"/{text}"),
        st.sampled_from(("/live", "/ready?x=1", "/metrics/", "/../metrics", "//live", "/%6cive")),
    )
)
def test_every_address_of_the_health_endpoints_has_a_known_answer(watch: HealthServer, path: str) -> None:
    status, _kind, body = watch.answer(path)
    assert int(status) in {200, 404}
    assert len(body) < 100_000
