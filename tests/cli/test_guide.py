"""`sendflow explain`: every rule and process has a page, complete, and its HTML asks nobody for anything."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
from typer.testing import Result

from casework.rules.diagram_svg import draw, moves_of
from casework.rules.guide import COUNTING_RULE_TEXT, Sources, page_of
from casework.rules.guide_html import html_of
from casework.rules.process_diagram import ENDINGS
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from config.period_schema import Count
from deadlines.working_calendar import load_calendar
from statemachines.registry import processes
from tests.support.calling import sendflow

SOURCES = Sources(load_law(), load_calendar(), load_escalation_policy(), processes())


@pytest.fixture(autouse=True)
def own_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDFLOW_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return sendflow(*words)


def test_every_count_word_is_explained() -> None:
    assert set(COUNTING_RULE_TEXT) == set(get_args(Count))


@pytest.mark.parametrize("rule", list(SOURCES.law.rules))
def test_every_rule_has_a_page_with_each_version_and_an_example(rule: str) -> None:
    page = page_of(SOURCES, rule)
    law = SOURCES.law.rule(rule)
    assert page.count("**From ") == len(law.period)
    assert all(version.cite in page for version in law.period if version.cite)
    assert all(overlay.cite in page for overlay in law.excuse_overlay)
    assert "No example" not in page and f"`sendflow due {rule} --on " in page
    assert "None" not in page.replace("None:", "")
    html = html_of(SOURCES, rule)
    svg = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    drawn = {each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")}
    kinds = {
        kind
        for name in SOURCES.processes
        for used in SOURCES.law.duties_of(name)
        if used.id == rule
        for kind in (*used.starts, *used.met_by)
    }
    assert (
        "```mermaid" in page
        and (kinds or {law.clock_starts}) <= drawn
        and all(f" : {kind}\n" in page for kind in kinds)
    )


@pytest.mark.each_process
@pytest.mark.parametrize("process", list(SOURCES.processes))
def test_every_process_has_a_page_with_its_moves_duties_and_diagram(process: str) -> None:
    page, machine = page_of(SOURCES, process), SOURCES.processes[process]
    assert "```mermaid" in page and "{statechart" not in page and "| State | Event |" not in page
    for state, kind in machine.usual_moves:
        assert kind in ENDINGS or f"| {machine.states[state]} | `{kind}` |" in page
    for rule in SOURCES.law.duties_of(process):
        assert f"`{rule.id}`" in page
    html = html_of(SOURCES, process)
    assert not re.search(r"<(?:link|script|img|iframe)|@import|url\((?!#)|src=", html)
    svg = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    assert {each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")} >= {
        kind for _state, kind in machine.usual_moves
    } - ENDINGS
    unusual = {kind for state in machine.states for kind in machine.out_of_order(state)}
    after = page.partition("## What people do that the law does not foresee")[2]
    assert after and all(f"| `{kind}` | " in after for kind in unusual)


@pytest.mark.each_process
@pytest.mark.parametrize("process", list(SOURCES.processes))
def test_no_two_lines_of_a_drawing_lie_on_each_other(process: str) -> None:
    machine = SOURCES.processes[process]
    text = draw(machine.title, machine.states, machine.initial, moves_of(machine.usual_moves, ENDINGS))
    lines = [tuple(map(int, found)) for found in re.findall(r"M\d+ (\d+) H(\d+) V(\d+) H", text)]
    assert len(lines) == len({(one, two) for one, two, _three in lines})
    upright = sorted((lane, *sorted((start, end))) for start, lane, end in lines)
    for (lane, _low, high), (other, low, _high) in pairwise(upright):
        assert lane != other or low > high


def test_the_command_speaks_in_three_forms_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    assert run("explain", "section23").stdout.startswith("# Section 23 notification\n")
    assert json.loads(run("explain", "section23", "--json").stdout)["name"] == "section23"
    written = run("explain", "ehc_body_advice_respond", "--html", str(tmp_path / "page.html"))
    assert (written.exit_code, written.stdout) == (0, "")
    assert "Monday 13 April 2026" in (tmp_path / "page.html").read_text("utf-8")
    unknown = run("explain", "ehc_body_advice_respnd")
    assert unknown.exit_code == 2 and "ehc_body_advice_respond" in unknown.stderr and "section23" in unknown.stderr
    assert run("explain", "section23", "--html", str(tmp_path / "nowhere" / "page.html")).exit_code == 3


def test_a_continuing_duty_says_that_it_goes_on_once_it_is_met() -> None:
    page = page_of(SOURCES, "s42_arrange_health_provision")
    assert "A continuing duty: the duty itself goes on for as long as the plan says so." in page
    assert "met --> open : section_g_stopped" in page and "the law leaves nothing to choose" in page
