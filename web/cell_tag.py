"""The tag of a table's cell: `{% cell "Due" %}...{% endcell %}`, with its heading for narrow screens.

It is compiled into the template. A macro with a caller does the same, and took a fifth of the time of a page.
"""

from __future__ import annotations

from jinja2.ext import Extension
from jinja2.nodes import Node, Output, TemplateData
from jinja2.parser import Parser

BEFORE = '<td role="cell" class="nhsuk-table__cell"><span class="nhsuk-table-responsive__heading" aria-hidden="true">'
BETWEEN, AFTER = ' </span><div class="app-cell">', "</div></td>\n"


class CellTag(Extension):
    """Reads the tag. The heading is any expression, and is escaped as one."""

    tags = {"cell"}  # noqa: RUF012 (as jinja2 declares it)

    def parse(self, parser: Parser) -> list[Node]:
        """The parts of a cell, in order."""
        line = next(parser.stream).lineno
        heading = parser.parse_expression()
        content = parser.parse_statements(("name:endcell",), drop_needle=True)
        before = Output([TemplateData(BEFORE), heading, TemplateData(BETWEEN)], lineno=line)
        return [before, *content, Output([TemplateData(AFTER)], lineno=line)]
