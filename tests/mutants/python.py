"""Small changes of a limiter in Python, found in its syntax tree and made in its text."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from itertools import pairwise

from tests.mutants.mutant import Edit, neighbours

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
REPLACED = {"max": "min", "min": "max", "any": "all", "ceil": "floor", "floor": "ceil"}


def edits(text: str, name: str) -> Iterator[Edit]:
    """All changes within the class of that name."""
    for method in _class(text, name).body:
        if isinstance(method, ast.FunctionDef):
            yield from _in_method(text, method)


def extent(text: str, name: str) -> tuple[int, int]:
    """The characters of the class of that name."""
    return _place(text, _class(text, name))


def _class(text: str, name: str) -> ast.ClassDef:
    """Raises LookupError when there is none."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise LookupError(f"no class is named {name!r}")


def _in_method(text: str, method: ast.FunctionDef) -> Iterator[Edit]:
    for node in ast.walk(method):
        for block in ("body", "orelse", "handlers"):
            yield from _in_block(text, getattr(node, block, []))
    for statement in method.body:
        for node in ast.walk(statement):
            for what, new in _changed(node):
                yield _replaced(text, node, what, ast.unparse(new))


def _in_block(text: str, block: object) -> Iterator[Edit]:
    """Statements that only do something are dropped, and swapped with the next of that kind."""
    if not isinstance(block, list):
        return
    doing = [isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) for one in block]
    for one, does in zip(block, doing, strict=True):
        if does or isinstance(one, ast.If):
            yield _replaced(text, one, "drop", "pass")
    for (one, first), (other, second) in pairwise(zip(block, doing, strict=True)):
        if first and second:
            start, end = _place(text, one)
            other_start, other_end = _place(text, other)
            new = text[other_start:other_end] + text[end:other_start] + text[start:end]
            yield Edit("swap", start, other_end, new)


def _changed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARED:
            yield "change", _with(node, ops=[COMPARED[type(operator)]()])
        case ast.BoolOp(op=ast.And()):
            yield "change", _with(node, op=ast.Or())
        case ast.BoolOp(op=ast.Or()):
            yield "change", _with(node, op=ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "change", operand
        case ast.BinOp(op=ast.Add()):
            yield "change", _with(node, op=ast.Sub())
        case ast.BinOp(op=ast.Sub()):
            yield "change", _with(node, op=ast.Add())
        case ast.Constant(value=bool()):
            yield "change", _with(node, value=not node.value)
        case ast.Constant(value=int() as number):
            for other in neighbours(number):
                yield "change", _with(node, value=other)
        case ast.Name(id=name) if name in REPLACED:
            yield "change", _with(node, id=REPLACED[name])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _replaced(text: str, node: ast.AST, what: str, new: str) -> Edit:
    start, end = _place(text, node)
    return Edit(what, start, end, f"({new})" if isinstance(node, ast.BoolOp) else new)


def _place(text: str, node: ast.AST) -> tuple[int, int]:
    """Characters from and to; ast counts columns in bytes."""
    lines = text.splitlines(keepends=True)

    def at(line: int, column: int) -> int:
        before = lines[line - 1].encode()[:column].decode()
        return sum(map(len, lines[: line - 1])) + len(before)

    where: ast.expr = node  # type: ignore[assignment]
    assert where.end_lineno is not None
    assert where.end_col_offset is not None
    return at(where.lineno, where.col_offset), at(where.end_lineno, where.end_col_offset)
