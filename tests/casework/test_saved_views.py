"""Views of the list of cases: each is its account's alone, holds filters only, and is replaced under its name."""

import pytest

from casework.context import AppContext
from casework.saved_views import LONGEST_NAME, MOST, WrongView, delete_view, save_view, views_of
from tests.support.team import Team


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context("16 Mar 2026")


def test_a_view_is_found_again_by_its_account_alone_and_replaced_under_its_name(context: AppContext) -> None:
    save_view(context, "dco.team", " Northshire,  late ", {"show": "late", "la": "northshire", "page": "3", "odd": "x"})
    save_view(context, "dco.team", "Mine", {"owner": "dco.team", "show": "open"})
    shown = [(view.name, view.query) for view in views_of(context, "dco.team")]
    assert shown == [("Mine", "owner=dco.team"), ("Northshire, late", "show=late&la=northshire")]
    assert views_of(context, "admin.team") == []
    save_view(context, "dco.team", "Mine", {"process": "ehc_needs_assessment"})
    found = views_of(context, "dco.team")
    assert [view.query for view in found if view.name == "Mine"] == ["process=ehc_needs_assessment"] and len(found) == 2
    with pytest.raises(WrongView, match="deleted already"):
        delete_view(context, "admin.team", found[0].id)
    delete_view(context, "dco.team", found[0].id)
    assert len(views_of(context, "dco.team")) == 1


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("", {}, "give the view a name"),
        ("x" * (LONGEST_NAME + 1), {}, "give the view a name"),
        ("999 123 4500", {}, "seems to hold"),
        ("Late", {"show": "dance"}, "choose the filters"),
        ("One", {"search": "NX00042"}, "search for one case"),
    ],
)
def test_a_wrong_view_is_refused_in_words(context: AppContext, name: str, given: dict[str, str], says: str) -> None:
    with pytest.raises(WrongView, match=says):
        save_view(context, "dco.team", name, given)
    assert views_of(context, "dco.team") == []


def test_an_account_has_twenty_views_at_most(context: AppContext) -> None:
    for number in range(MOST):
        save_view(context, "dco.team", f"View {number}", {})
    with pytest.raises(WrongView, match="delete one first"):
        save_view(context, "dco.team", "One more", {})
    save_view(context, "dco.team", "View 1", {"show": "late"})
