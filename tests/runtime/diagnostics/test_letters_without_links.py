"""The doctor says where letters have no link to answer them."""

from __future__ import annotations

from dataclasses import replace

from config.settings import Carrier
from models.database import reading
from runtime.diagnostics.service_checks import links
from tests.support.team import Team


def found(team: Team, **changed: object) -> list[str]:
    context = team.context("3 Mar 2026")
    real = replace(context, settings=replace(context.settings, today=None, **changed))  # type: ignore[arg-type]
    with reading(real.engine) as connection:
        return [each.what for each in links(real, connection, team.context("3 Mar 2026").today())]


def test_letters_that_left_without_an_address_of_the_pages_are_reported(team: Team) -> None:
    assert found(team, carrier=Carrier.SMTP) == []
    team.opened().asked()
    team.deliver("2 Mar 2026")
    assert found(team, carrier=Carrier.SMTP) == ["letters_without_links"]
    assert found(team, carrier=Carrier.SMTP, pages_at="https://cases.icb.example") == []
    assert found(team, carrier=Carrier.SINK) == []
