"""Templates that Python runs in half the time: a page of a case reads 1,200 attributes and writes 700 values.

What they write is the same. Jinja calls functions of Python for each of these, and here they are calls of C wherever
the usual case holds: an attribute that is there, a text that is escaped, a macro with each of its arguments. What a
block writes is joined once, and not passed on piece by piece through each template that it extends.
"""

from __future__ import annotations

from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from jinja2 import Environment
from jinja2.compiler import CodeGenerator, Frame, optimizeconst
from jinja2.nodes import Block, Call, CondExpr, Const, Expr, Getattr, Output
from jinja2.runtime import Context, Macro
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
        if self._is_plain(frame, finalize):
            self.write("(environment.escape_inner(shown) if (kind := type(shown := ")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if self._is_plain(frame, finalize):
            self.write(")) is str else shown if kind is Markup else environment.as_html(shown))")
        else:
            super()._output_child_post(node, frame, finalize)

    @staticmethod
    def _is_plain(frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> bool:
        return not frame.eval_ctx.volatile and bool(frame.eval_ctx.autoescape) and finalize.src is None

    def visit_Output(self, node: Output, frame: Frame) -> None:
        """A condition without an `else` writes nothing where it is false, and makes no object that says so."""
        node.nodes = [_with_else(child) for child in node.nodes]
        super().visit_Output(node, frame)

    @optimizeconst
    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:
        """An attribute that is there; else what Jinja finds: an item of that name, or what is undefined."""
        self.write("(found if (found := getattr((owner := ")
        self.visit(node.node, frame)
        self.write(f"), {node.attr!r}, missing)) is not missing else environment.getattr(owner, {node.attr!r}))")

    @optimizeconst
    def visit_Call(self, node: Call, frame: Frame, forward_caller: bool = False) -> None:
        """Without the variables of loops and blocks, which only a function that takes the context would need."""
        self.write("context.call(")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")

    def visit_Block(self, node: Block, frame: Frame) -> None:
        """What the block writes, joined."""
        if frame.buffer is not None or (frame.toplevel and self.extends_so_far) or node.required:
            super().visit_Block(node, frame)
            return
        context = self.derive_context(frame) if node.scoped else self.get_context_ref()
        self.writeline(f"yield concat(context.blocks[{node.name!r}][0]({context}))", node)


def _with_else(node: Expr) -> Expr:
    if not isinstance(node, CondExpr):
        return node
    otherwise = _with_else(node.expr2) if node.expr2 is not None else Const("")
    return CondExpr(node.test, _with_else(node.expr1), otherwise, lineno=node.lineno, environment=node.environment)


class _Context(Context):
    def call(self, called: Any, /, *given: Any, **named: Any) -> Any:
        """Calls a macro, or a function of ours; all others as Jinja does."""
        kind = type(called)
        if kind is Macro:
            if named or len(given) != len(called.arguments) or not self.eval_ctx.autoescape or _takes_more(called):
                return called(self.eval_ctx, *given, **named)
            return Markup(called._func(*given))  # noqa: S704 (the macro escaped it)
        if kind is BuiltinMethodType:  # such as `get` of a mapping
            return called(*given, **named)
        if (kind is MethodType or kind is FunctionType) and not hasattr(called, "jinja_pass_arg"):
            return called(*given, **named)
        return super().call(called, *given, **named)


def _takes_more(macro: Macro) -> bool:
    return bool(macro.caller or macro.catch_kwargs or macro.catch_varargs)


class QuickEnvironment(Environment):
    """An environment of such templates."""

    code_generator_class = _Generator
    context_class = _Context
    as_html = staticmethod(as_html)
    escape_inner = staticmethod(_escape_inner)
