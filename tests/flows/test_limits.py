"""The global concurrency limits: their numbers; and Prefect that does not answer holds up nobody.

tests/system/installation/runs/test_operations.py takes slots of a real server.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from casework.delivery.deliver import deliver
from casework.steps import shown_by, slot
from config.process_environment import fix_prefect_environment
from config.settings import Settings
from config.transports import SHIPPED
from tests.support.mail_server import ScriptedMailServer, running_mail_server
from tests.support.team import Team


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with mock.patch.dict("os.environ"):
        fix_prefect_environment(Settings(home=tmp_path_factory.mktemp("var")))
        import flows.limits
        import flows.tasks

    return flows


@pytest.fixture
def mail_server() -> Iterator[ScriptedMailServer]:
    with running_mail_server() as opened:
        yield opened


def test_a_limit_for_each_mail_transport_and_one_for_verification(flows: Any, tmp_path: Path) -> None:
    limits = flows.limits.limits
    assert limits(Settings(home=tmp_path, workers=3)) == {
        "sendflow-sink": 4,
        "sendflow-smtp": 4,
        "sendflow-file": 4,
        "sendflow-notify": 4,
        "sendflow-verify": 3,
    }
    own = SHIPPED.read_text("utf-8").replace("[limit.smtp]", "[limit.smtp]\nat_once = 2")
    (tmp_path / "transports.toml").write_text(own, "utf-8")
    assert limits(Settings(home=tmp_path))["sendflow-smtp"] == 2


def test_prefect_that_does_not_answer_holds_up_no_letter(
    flows: Any, team: Team, mail_server: ScriptedMailServer
) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

    team.opened("2 Feb 2026").asked("2 Mar 2026")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        api = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        steps = flows.tasks.TaskSteps(team.first.settings, api, "run", "deliver")
        server = {PREFECT_API_URL: api, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}
        with temporary_settings(server), shown_by(steps):
            report = deliver(team.context("2 Mar 2026"), transport=mail_server.transport)
    assert report.sent == len(mail_server.arrived) > 0
    assert steps.left_alone == []


class Taken:
    """A listener whose slots others have."""

    def __call__(self, step: object, work: Any) -> Any:
        return work()

    def slot(self, resource: str, *, wait: bool) -> Any:
        return mock.MagicMock(__enter__=lambda _self: False)


def test_letters_of_a_transport_that_others_use_wait_and_are_not_lost(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    with shown_by(Taken()):
        report = deliver(team.context("2 Mar 2026"), transport=mail_server.transport)
    assert (report.sent, report.failed, mail_server.arrived) == (0, 0, [])
    assert report.waiting > 0
    with slot("smtp") as held:
        assert held, "without Prefect every slot is free"
    assert deliver(team.context("2 Mar 2026"), transport=mail_server.transport).sent == report.waiting
