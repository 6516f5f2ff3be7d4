"""Metric math, as the alarms in infra/monitoring.yaml use it."""

from __future__ import annotations

import pytest

from rehearsal.aws.expressions import Evaluation, ExpressionError, Value

PERIODS = [1, 2, 3]
NAMES: dict[str, Value] = {"a": {1: 1.0, 2: 2.0, 3: 3.0}, "b": {1: 10.0, 3: 0.0}, "none": {}}
RATE = "IF(requests + errors > 0, 100 * errors / MAX([requests, errors]), 0)"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("a * 2", {1: 2, 2: 4, 3: 6}),
        ("-a", {1: -1, 2: -2, 3: -3}),
        ("a + b", {1: 11, 3: 3}),
        ("a / b", {1: 0.1}),
        ("1 / 0", {}),
        ("2 ^ 3", 8),
        ("a > 1", {1: 0, 2: 1, 3: 1}),
        ("a >= 2 && a < 3", {1: 0, 2: 1, 3: 0}),
        ("a < 2 OR a > 2", {1: 1, 2: 0, 3: 1}),
        ("FILL(b, 0)", {1: 10, 2: 0, 3: 0}),
        ("FILL(b, REPEAT)", {1: 10, 2: 10, 3: 0}),
        ("FILL(none, 0)", {1: 0, 2: 0, 3: 0}),
        ("MAX([a, b])", {1: 10, 2: 2, 3: 3}),
        ("SUM([a, b, 1])", {1: 12, 2: 3, 3: 4}),
        ("MAX(a)", 3),
        ("AVG(a)", 2),
        ("SUM(none)", {}),
        ("IF(a > 1, a)", {2: 2, 3: 3}),
        ("IF(a > 1, a, 0)", {1: 0, 2: 2, 3: 3}),
        ("IF(a > 1, b, a)", {1: 1, 3: 0}),
        ("IF(1, a)", {1: 1, 2: 2, 3: 3}),
    ],
)
def test_an_expression_has_a_value_for_each_period(expression: str, expected: Value) -> None:
    assert Evaluation(PERIODS, NAMES).value(expression) == expected


@pytest.mark.parametrize(
    ("requests", "errors", "rate"), [(100, 6, 6), (0, 0, 0), (0, 5, 100), (10, 10, 100)]
)
def test_the_error_rate_in_infra_is_computed_correctly(
    requests: float, errors: float, rate: float
) -> None:
    names: dict[str, Value] = {"requests": {1: requests}, "errors": {1: errors}}
    assert Evaluation([1], names).value(RATE) == {1: rate}


@pytest.mark.parametrize(
    "expression", ["", "a +", "unknown", "LOG(a)", "FILL(a)", "__import__('os')", "a.b", "'x'"]
)
def test_an_unsupported_expression_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        Evaluation(PERIODS, NAMES).value(expression)
