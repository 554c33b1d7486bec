"""Templates whose values are escaped by one call of C, and not by three of Python: a page of a case has 600 of them.

What is escaped is the same: `markupsafe.escape` of every value that is no markup already.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import Markup, escape

try:
    from markupsafe._speedups import _escape_inner
except ImportError:  # where nobody compiled it, or in a later version
    _escape_inner = escape


def as_html(value: Any) -> str:
    """The text of a value for a page."""
    kind = type(value)
    if kind is str:
        return _escape_inner(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]  # it is a str
    if kind is int:
        return str(value)
    return escape(value)


class _Generator(CodeGenerator):
    def _output_child_pre(self, node: Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.as_html(")


class QuickEnvironment(Environment):
    """An environment that escapes so."""

    code_generator_class = _Generator
    as_html = staticmethod(as_html)
