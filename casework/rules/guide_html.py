"""A page of casework/rules/guide.py as HTML of its own: no address is asked for anything, so that it can be saved,
mailed and printed.

Purpose: the same Markdown, with the machine, or the life of the duty, drawn in place of its Mermaid text. Links to the
law stay links.
"""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt

from casework.rules.diagram_svg import draw, moves_of
from casework.rules.duty_lifecycle import BEFORE, STATES, life_of
from casework.rules.guide import Sources, page_of, users_of
from casework.rules.process_diagram import ENDINGS

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #0b0c0c; background: #fff; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #b1b4b6; padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; }
code { font-size: .9em; background: #f3f2f1; padding: 0 .25em; } a { color: #1d70b8; }
h2 { margin-top: 2.5rem; border-top: 2px solid #0b0c0c; padding-top: .5rem; }
.wide { overflow-x: auto; } svg { max-width: none; } :focus { outline: 3px solid #fd0; }
@media print { body { max-width: none; margin: 0; } .wide { overflow: visible; }
  svg { max-width: 100%; height: auto; } table { width: 100%; } tr, h2, h3 { break-inside: avoid; }
  h1, h2, h3 { break-after: avoid; } }
"""
DIAGRAM = re.compile(r'<pre><code class="language-mermaid">.*?</code></pre>', re.DOTALL)


def html_of(sources: Sources, name: str) -> str:
    """The page of a rule or process as one HTML file. Raises UnknownRule where it is neither."""
    text = page_of(sources, name)
    body = part_of_html(text)
    process = sources.processes.get(name)
    if process is not None:
        picture = draw(
            f"{process.title}: what may happen", process.states, process.initial, moves_of(process.usual_moves, ENDINGS)
        )
    else:
        rule = sources.law.rule(name)
        life = life_of(rule, [used for _name, used in users_of(sources, rule)])
        picture = draw(f"{rule.id}: from its start to its end", STATES, BEFORE, moves_of(life))
    legend = (
        f"<p>The {'case' if process else 'duty'} opens at the box with the heavy line. Blue lines lead on, purple ones"
        " back or round again.</p>"
    )
    body = DIAGRAM.sub(lambda _found: f'<div class="wide" tabindex="0">{picture}</div>{legend}', body, count=1)
    return page_of_html(text, body)


def printed(text: str) -> str:
    """Markdown as one HTML file that prints well: nothing is asked for anything, and no mark of HTML in it is one."""
    return page_of_html(text, part_of_html(text))


def part_of_html(text: str) -> str:
    """Markdown as HTML for the inside of a page."""
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def page_of_html(text: str, body: str) -> str:
    """A whole file around the HTML of a text, whose first line is the title."""
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    title = escape(text.partition("\n")[0].lstrip("# "))
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n<meta name="viewport"'
        ' content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
