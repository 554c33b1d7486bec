"""Today shows what is late, due soon and to decide: the same lists as the worklists and the daily digest."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson
from sqlalchemy import select

from casework.reports.today import today_of
from casework.reports.worklists import overdue, week
from models.database import reading
from models.tables import LETTER
from tests.web.conftest import TODAY, Browser
from web.installation import Installation


def numbers(html: str) -> list[int]:
    return [int(each) for each in re.findall(r"app-count__number[^>]*>(\d+)<", html)]


def test_the_numbers_are_those_of_the_worklists_and_of_the_daily_digest(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    context = sample.context()
    with reading(context.engine) as connection:
        fields = orjson.loads(
            connection.scalar(select(LETTER.c.fields).where(LETTER.c.id == f"digest-{TODAY:%Y%m%d}")) or "{}"
        )
    late, soon, decide, _changed = numbers(browsers("dco.team").get("/today").text)
    assert late == len(overdue(context, TODAY)) == fields["late_count"] + fields["la_late"] > 0
    assert soon == len(week(context, TODAY)) == fields["soon_count"] + fields["la_soon"] > 0
    found = today_of(context, TODAY)
    listed = [*found.claims, *found.letters, *found.look_again]
    in_digest = [*fields["claims"], *fields["letters"], *fields["look_again"]]
    assert listed[: len(in_digest)] == in_digest
    assert len(listed) == len(in_digest) + fields["more_for_person"]
    assert decide == len(found.claims) + len(found.look_again) + len(found.letters) + bool(found.held) > 0


def test_each_count_is_a_link_to_its_list(browsers: Callable[[str], Browser]) -> None:
    person = browsers("dco.team")
    html = person.get("/today").text
    for name, number in zip(("late", "soon", "decide", "changed"), numbers(html), strict=True):
        assert f'href="/lists/{name}"' in html
        listed = person.get(f"/lists/{name}").text
        rows = listed.count('<tr role="row" class=') + len(re.findall(r"(?m)^ *<li>", listed.partition("<main")[2]))
        assert (name, rows) == (name, number)
