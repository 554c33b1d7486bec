"""What templates write: every value is escaped as markupsafe escapes it; codes have their names."""

import pytest
from jinja2 import ChainableUndefined, DictLoader, Environment
from markupsafe import Markup, escape

from config.directory import load_directory
from config.escalation_policy import load_escalation_policy
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


class Owner:
    """An object with an attribute, and with an item of another name."""

    here = "<here>"
    nothing = None

    def __getitem__(self, name: str) -> str:
        return {"item": "an item"}[name]


def aloud(text: str, *, twice: bool = False) -> str:
    return f"<{text}>" * (2 if twice else 1)


# What our generator writes differently from Jinja's: the pages must not differ.
CONSTRUCTS = [
    "{{ owner.here }}|{{ owner.item }}|{{ owner.none_such }}|{{ owner.none_such.further }}|{{ owner.nothing }}",
    "{{ each.items }}|{{ each.word }}|{{ each.word.upper() }}|{{ none_such.at_all.ever }}",
    "{% if owner.none_such %}x{% else %}y{% endif %}{{ owner.none_such is defined }}{{ owner.here is defined }}",
    "{{ 'a' if owner.nothing }}|{{ 'a' if owner.here }}|{{ 1 if 0 else 2 if 0 }}",
    "{% macro one(a, b='<b>') %}{{ a }}{{ b }}{% endmacro %}{{ one('<') }}{{ one('<', '>') }}{{ one(b=1, a=2) }}",
    "{% macro bare() %}{{ owner.here }}{% endmacro %}{{ bare() }}{% set made = bare() %}{{ made }}{{ made ~ '<' }}",
    "{% macro outer() %}[{{ caller() }}]{% endmacro %}{% call outer() %}{{ owner.here }}{% endcall %}",
    "{% macro all() %}{{ varargs | join(',') }}{{ kwargs.x }}{% endmacro %}{{ all(1, '<', x='>') }}",
    "{% for n in 'ab' %}{{ loop.index }}{{ aloud(n, twice=loop.last) }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for n in (1, 2, 3) if n != owner.nothing %}{{ n }}{% else %}none{% endfor %}{{ cycler('a', 'b').next() }}",
    "{% set ns = namespace(n=1) %}{% for n in range(3) %}{% set ns.n = ns.n + n %}{% endfor %}{{ ns.n }}",
    "{% extends 'base' %}{% block a %}{{ owner.here }}{{ super() }}{% endblock %}",
    "{% extends 'base' %}{% block b scoped %}<{{ number }}>{% endblock %}",
    "{% extends 'base' if owner.here else 'none_such' %}{% block a %}{{ self.b() }}{% endblock %}",
    "{% include 'part' %}{% from 'part' import said with context %}{{ said() }}",
    "{% import 'part' as part %}{{ part.said() }}",
]
BASE = (
    "{% block a %}<a>{% endblock %}"
    "{% for number in (1, 2) %}{% block b scoped %}b{{ number }}{% endblock %}{% endfor %}"
)
PART = "{% macro said() %}{{ owner.here }}{% endmacro %}{{ owner.item }}"


@pytest.mark.parametrize("text", CONSTRUCTS)
def test_a_template_writes_what_jinja_writes(text: str) -> None:
    written, each = [], {"word": "<word>"}
    for kind in (QuickEnvironment, Environment):
        made = kind(
            autoescape=True, undefined=ChainableUndefined, loader=DictLoader({"base": BASE, "part": PART, "page": text})
        )
        made.globals["aloud"] = aloud
        written.append(made.get_template("page").render(owner=Owner(), each=each))
    assert written[0] == written[1]


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
    assert Names(load_directory(), load_law(), load_escalation_policy()).owes(rule, body, la) == said
