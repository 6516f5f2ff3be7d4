"""Figures with their references and targets, and the table of them."""

from collections.abc import Iterable
from dataclasses import dataclass


class NotMeasured(Exception):
    """A figure that can't be measured here; the message gives the reason and the remedy."""


def last_line(output: str) -> str:
    """Return the line of a program's output that most likely explains its failure."""
    return (output.strip().splitlines() or ["it said nothing"])[-1].strip()


@dataclass(frozen=True)
class Figure:
    """A measurement. Its limits apply to its ratio to `reference`, or to itself without one."""

    what: str
    value: float
    unit: str
    against: str = ""
    reference: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    # What else the machine does changes from one second to the next: where both were measured in
    # turns, the median of each turn's ratio says more than the ratio of the medians.
    ratio_in_turns: float | None = None

    @property
    def ratio(self) -> float | None:
        if self.ratio_in_turns is not None:
            return self.ratio_in_turns
        return self.value / self.reference if self.reference else None

    @property
    def met(self) -> bool | None:
        """Return whether the target is met; None if there is none."""
        measured = self.value if self.ratio is None else self.ratio
        if self.at_least is not None:
            return measured >= self.at_least
        if self.at_most is not None:
            return measured <= self.at_most
        return None

    @property
    def target(self) -> str:
        bound = self.at_most if self.at_least is None else self.at_least
        if bound is None:
            return ""
        side = "at most" if self.at_least is None else "at least"
        return f"{side} {bound:g}{self.unit if self.ratio is None else ' x'}"


HEADINGS = ("measured", "figure", "against", "figure", "ratio", "target", "met")
# Numbers stand to the right.
NUMERIC = {1, 3, 4}


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table of plain text."""
    rows = [HEADINGS, *(_cells(figure) for figure in figures)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_line(row, widths) for row in rows)


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        _number(figure.value, figure.unit),
        figure.against,
        "" if figure.reference is None else _number(figure.reference, figure.unit),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.target,
        {True: "yes", False: "NO", None: ""}[figure.met],
    )


def _number(value: float, unit: str) -> str:
    return (f"{value:,.0f}" if value >= 1000 else f"{value:.3g}") + unit


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        cell.rjust(width) if index in NUMERIC else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
