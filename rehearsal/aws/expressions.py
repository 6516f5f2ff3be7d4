"""CloudWatch's metric math: expressions over time series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence

# A value for each period that has one, or a constant.
Series = dict[int, float]
Value = Series | float
Operator = Callable[[float, float], float]

ARITHMETIC: dict[type[ast.AST], Operator] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: lambda a, b: float(bool(a and b)),
    ast.Or: lambda a, b: float(bool(a or b)),
}
ACROSS: dict[str, Callable[[Sequence[float]], float]] = {
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
}
# CloudWatch's operators that differ from Python's.
SIGNS = {"&&": " and ", "||": " or ", "^": "**"}


class ExpressionError(Exception):
    """An invalid or unsupported expression; the message says which."""


class Evaluation:
    """The evaluation of an expression, with the periods and the values of its names."""

    def __init__(self, periods: Sequence[int], names: Mapping[str, Value]) -> None:
        self.periods = periods
        self.names = names

    def value(self, expression: str) -> Value:
        text = re.sub(r"&&|\|\||\^", lambda match: SIGNS[match[0]], expression)
        text = re.sub(r"\b(AND|OR)\b", lambda match: match[0].lower(), text)
        try:
            return self.visit(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            raise ExpressionError(f"{expression!r} is not an expression") from None

    def visit(self, node: ast.AST) -> Value:
        match node:
            case ast.Constant(value=int() | float()):
                return float(node.value)  # type: ignore[arg-type]
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return combine(operator.mul, -1.0, self.visit(operand))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return divide(self.visit(left), self.visit(right))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                return combine(ARITHMETIC[type(op)], self.visit(left), self.visit(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in ARITHMETIC:
                return combine(ARITHMETIC[type(op)], self.visit(left), self.visit(right))
            case ast.BoolOp(op=op, values=[first, *others]):
                found = self.visit(first)
                for other in others:
                    found = combine(ARITHMETIC[type(op)], found, self.visit(other))
                return found
            case ast.Call(func=ast.Name(id=name), args=words):
                return self.call(name, words)
        raise ExpressionError(f"the local CloudWatch does not support {ast.unparse(node)!r}")

    def call(self, name: str, words: list[ast.expr]) -> Value:
        match name, words:
            case "IF", [condition, *branches] if len(branches) in (1, 2):
                return self.choose(self.visit(condition), branches)
            case "FILL", [series, filler]:
                return self.fill(self.visit(series), filler)
            case _, [ast.List(elts=parts)] if name in ACROSS:
                return across(ACROSS[name], [self.visit(part) for part in parts])
            case _, [word] if name in ACROSS:
                found = self.visit(word)
                values = list(found.values()) if isinstance(found, dict) else [found]
                return float(ACROSS[name](values)) if values else {}
        raise ExpressionError(f"the local CloudWatch does not support {name} with these arguments")

    def choose(self, condition: Value, branches: list[ast.expr]) -> Value:
        """IF: the first branch in periods that meet the condition, else the second or nothing."""
        when = self.visit(branches[0])
        otherwise: Value = self.visit(branches[1]) if len(branches) == 2 else {}
        if not isinstance(condition, dict):
            return when if condition else otherwise
        found: Series = {}
        for period, holds in condition.items():
            branch = when if holds else otherwise
            value = branch.get(period) if isinstance(branch, dict) else branch
            if value is not None:
                found[period] = value
        return found

    def fill(self, series: Value, filler: ast.expr) -> Value:
        """FILL: a number for each period without one, or REPEAT the last."""
        if not isinstance(series, dict):
            return series
        found: Series = {}
        repeat = isinstance(filler, ast.Name) and filler.id == "REPEAT"
        last: Value | None = None if repeat else self.visit(filler)
        for period in self.periods:
            if period in series:
                last = series[period] if repeat else last
                found[period] = series[period]
            elif isinstance(last, float):
                found[period] = last
        return found


def combine(function: Operator, left: Value, right: Value) -> Value:
    """Apply an operator in each period; without a value on one side there is no result."""
    if isinstance(left, dict) and isinstance(right, dict):
        return {p: float(function(left[p], right[p])) for p in left if p in right}
    if isinstance(left, dict):
        number = float(right)  # type: ignore[arg-type]
        return {p: float(function(value, number)) for p, value in left.items()}
    if isinstance(right, dict):
        return {p: float(function(left, value)) for p, value in right.items()}
    return float(function(left, right))


def divide(left: Value, right: Value) -> Value:
    """Divide; a division by zero has no value."""
    if isinstance(right, dict):
        return combine(operator.truediv, left, {p: value for p, value in right.items() if value})
    return combine(operator.truediv, left, right) if right else {}


def across(function: Callable[[Sequence[float]], float], parts: Sequence[Value]) -> Value:
    """Apply a function in each period to all parts that have a value in it."""
    periods = {period for part in parts if isinstance(part, dict) for period in part}
    if not periods:
        return float(function([part for part in parts if isinstance(part, float)] or [0.0]))
    found: Series = {}
    for period in sorted(periods):
        values = [part.get(period) if isinstance(part, dict) else part for part in parts]
        found[period] = float(function([value for value in values if value is not None]))
    return found
