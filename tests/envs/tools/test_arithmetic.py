"""The calculator against Python's own arithmetic."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.tools.tau.arithmetic import calculate
from turngym.envs.tools.tool import ToolError

NUMBER = st.integers(0, 999).map(str) | st.tuples(st.integers(0, 999), st.integers(0, 99)).map(
    lambda parts: f"{parts[0]}.{parts[1]}"
)
EXPRESSION = st.recursive(
    NUMBER,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//"]), inner).map(" ".join)
        | inner.map(lambda text: f"({text})")
        | inner.map(lambda text: f"-{text}")
    ),
    max_leaves=8,
)


def by_python(expression: str) -> str:
    """The definition: the float value, rounded; the error's words where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(round(float(eval(expression, {"__builtins__": None}, {})), 2))
    except Exception as error:
        return f"Error: {error}"


def by_us(expression: str) -> str:
    try:
        return calculate(expression)
    except ToolError as error:
        return f"Error: {error}"


@given(EXPRESSION)
def test_arithmetic_is_python_s(expression: str) -> None:
    assert by_us(expression) == by_python(expression)


@given(st.text(alphabet="0123456789+-/(). ", max_size=12))
def test_scribble_is_refused_in_python_s_words(expression: str) -> None:
    assert by_us(expression) == by_python(expression)


@pytest.mark.parametrize(
    "expression", ["", "2 ** 10", "1(2)", "()", "1 / 0", "007", "2 ** 0.5", "(-8) ** 0.5"]
)
def test_odd_forms_are_answered_as_python_does(expression: str) -> None:
    assert by_us(expression) == by_python(expression)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("2 + x", "invalid characters"),
        ("__import__", "invalid characters"),
        ("9 ** 9 ** 9 ** 9", "too large"),
        ("9 ** 999999999", "too large"),
        ("(" * 900 + "1" + ")" * 900, "too many nested parentheses"),
        ("1+" * 5_000 + "1", "give at most 2000"),
        ("9**99999*" * 200 + "1", "too large"),
    ],
)
def test_what_would_take_for_ever_or_run_something_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        calculate(expression)
