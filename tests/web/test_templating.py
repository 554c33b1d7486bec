"""What templates write: every value is escaped as markupsafe escapes it; codes have their names."""

import pytest
from markupsafe import Markup, escape

from web.quick_escape import QuickEnvironment, as_html


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
