"""Arithmetic on text without `eval`: numbers, `+ - * / // **` and parentheses, bounded in time and memory."""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable
from typing import Any

from turngym.envs.tools.tool import ToolError

ALLOWED = "0123456789+-*/(). "
LENGTH = 2_000
"""Longer expressions are refused."""
BITS = 20_000
"""Whole numbers with more bits than this are refused; a float holds 1,024."""
TOO_LARGE = "int too large to convert to float"

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: lambda base, exponent: _power(base, exponent),
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def calculate(expression: str) -> str:
    """The value as a float rounded to two decimals.

    Raises `ToolError` for a character or a form that is no arithmetic, in Python's words where it has any.
    """
    if not all(character in ALLOWED for character in expression):
        raise ToolError("invalid characters in expression")
    if not isinstance(expression, str):  # a list of such characters, which the original hands on to Python
        raise ToolError("eval() arg 1 must be a string, bytes or code object")
    if len(expression) > LENGTH:
        raise ToolError(f"the expression has {len(expression)} characters; give at most {LENGTH}")
    try:
        return str(round(float(_value(_parsed(expression))), 2))
    except (ArithmeticError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError(str(error)) from error


def _parsed(expression: str) -> ast.expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.parse(expression.lstrip(" "), "<string>", "eval").body


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left=left, op=operation, right=right):
            return _bounded(_BINARY[type(operation)](_value(left), _value(right)))
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_value(operand))
        case ast.Tuple(elts=[]):
            return ()
        case ast.Call(func=called):
            raise TypeError(f"{type(_value(called)).__name__!r} object is not callable")
    raise ValueError("the expression is no arithmetic")


def _power(base: Any, exponent: Any) -> Any:
    """A power that cannot fill the memory."""
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1
    if whole and base.bit_length() * abs(exponent) > BITS:
        raise OverflowError(TOO_LARGE)
    return base**exponent


def _bounded(number: Any) -> Any:
    if isinstance(number, int) and number.bit_length() > BITS:
        raise OverflowError(TOO_LARGE)
    return number
