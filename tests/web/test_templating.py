"""What templates write: every value is escaped as markupsafe escapes it; codes have their names."""

import pytest
from markupsafe import Markup, escape

from config.directory import load_directory
from config.law import load_law
from web.quick_escape import QuickEnvironment, as_html
from web.templating import Names


class WithHtml:
    """A value that says itself how it is written."""

    def __html__(self) -> str:
        return "<i>x</i>"


class Text(str):
    """A text of another class."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value", ["<a href='x'>&\"", Markup("<b>"), 7, -1.5, True, None, ["<"], WithHtml(), Text("<"), ""]
)
def test_a_value_is_escaped_as_markupsafe_escapes_it(value: object) -> None:
    assert as_html(value) == escape(value)
    template = QuickEnvironment(autoescape=True).from_string("{{ value }}|{% set seen = value %}{{ seen }}")
    assert template.render(value=value) == f"{escape(value)}|{escape(value)}"


def test_a_macro_and_a_filter_are_not_escaped_twice() -> None:
    text = "{% macro bold(word) %}<b>{{ word }}</b>{% endmacro %}{{ bold('<') }}{{ '<' | upper }}{{ '<' | safe }}"
    assert QuickEnvironment(autoescape=True).from_string(text).render() == "<b>&lt;</b>&lt;<"


def test_without_escaping_a_value_is_its_text() -> None:
    assert QuickEnvironment(autoescape=False).from_string("{{ value }}").render(value="<") == "<"


@pytest.mark.parametrize(
    ("rule", "body", "la", "said"),
    [
        ("ehc_body_advice_respond", "QX101", "northshire", "Northshire Community Health NHS Trust"),
        ("review_amend_notice", None, "northshire", "Northshire"),
        ("review_amend_notice", None, None, "Local authority"),
        ("la_move_transfer_plan", None, "northshire", "Old local authority"),
        ("package_challenge", None, "northshire", "The body or person that was asked"),
    ],
)
def test_who_owes_a_duty_has_a_name_and_no_abbreviation(rule: str, body: str | None, la: str | None, said: str) -> None:
    assert Names(load_directory(), load_law()).owes(rule, body, la) == said
