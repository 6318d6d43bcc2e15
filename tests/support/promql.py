"""The selectors of a PromQL expression, for tests that compare them with the catalogue of metrics."""

from dataclasses import dataclass

import promql_parser

from exporter.metrics import CATALOGUE

# The labels that Prometheus adds to every series of a target.
_TARGET = frozenset({"job", "instance"})


@dataclass(frozen=True)
class Selector:
    """One selector of an expression: its metric and the labels that it matches on."""

    metric: str
    labels: frozenset[str]


def selectors(expression: str) -> list[Selector]:
    """Every selector of the expression, in order; ValueError if it is no PromQL."""
    found: list[Selector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            labels = frozenset(matcher.name for matcher in node.matchers.matchers)
            found.append(Selector(node.name or "", labels - {"__name__"}))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def unknown(expression: str, others: frozenset[str] = frozenset()) -> list[str]:
    """Metrics and labels of the expression that neither the catalogue has nor `others` names as metrics."""
    wrong = []
    for selector in selectors(expression):
        row = CATALOGUE.get(selector.metric)
        if row is None:
            wrong += [selector.metric] if selector.metric not in others else []
        else:
            wrong += [f"{row.name}{{{label}}}" for label in sorted(selector.labels - {*row.labels} - _TARGET)]
    return wrong


def added(expression: str) -> set[str]:
    """The metrics that the expression adds up: under sum, or on a side of a plus."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and str(node.op) == "sum":
            found.update(_metrics(node.expr))
        if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "+":
            found.update(_metrics(node.lhs) | _metrics(node.rhs))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def _metrics(node: promql_parser.Expr) -> set[str]:
    return {selector.metric for selector in selectors(node.prettify())}
