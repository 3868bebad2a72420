"""Formats measures as text tables, for terminal, README and report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eval.compare import ALPHA, Comparison, Difference
from eval.gold import ALL_QUESTIONS
from eval.measures import Measure
from eval.run import Run
from eval.statistics import Estimate
from eval.summary import Line, seconds, summarise

MISSING = "-"
TYPE_MEASURES = ("hit@1", "hit@3", "MRR", "answered@1", "wrong refusals", "unsure", "refusal recall", "P@1")
ABLATION_MEASURES = ("hit@1", "hit@3", "MRR", "AUROC")


class Table(NamedTuple):
    """Column names, and rows of as many texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
        )


def format_value(value: float, measure: Measure) -> str:
    """A value as text: .750 for a rate, else three significant digits: 45.1, 0.0447, 0."""
    if math.isnan(value):
        return MISSING
    if measure.rate:
        return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
    return f"{value:.3g}"


def format_interval(estimate: Estimate, measure: Measure) -> str:
    """ "[.625, .875]"; "" without an interval."""
    if math.isnan(estimate.low):
        return ""
    return f"[{format_value(estimate.low, measure)}, {format_value(estimate.high, measure)}]"


def format_cell(line: Line, name: str = ALL_QUESTIONS) -> str:
    """The value of a slice."""
    return format_value(line.estimates[name].value, line.measure) if name in line.estimates else MISSING


def _with_interval(line: Line) -> str:
    return f"{format_cell(line)} {format_interval(line.estimates[ALL_QUESTIONS], line.measure)}".rstrip()


def summary_table(lines: Sequence[Line]) -> Table:
    """Every measure over all questions."""
    rows = tuple(
        (line.measure.name, format_cell(line), format_interval(whole, line.measure), str(whole.count))
        for line in lines
        if (whole := line.estimates[ALL_QUESTIONS])
    )
    return Table(("measure", "value", "95 % interval", "questions"), rows)


def type_table(lines: Sequence[Line], run: Run) -> Table:
    """The main measures by type of question; empty if there is one type."""
    chosen = [line for line in lines if line.measure.name in TYPE_MEASURES and len(line.estimates) > 1]
    counts = Counter(row.type for row in run.rows) if chosen else {}
    rows = [
        (name, str(number), *(format_cell(line, name) for line in chosen)) for name, number in counts.items()
    ]
    return Table(("type", "questions", *(line.measure.name for line in chosen)), tuple(rows))


def remarks(run: Run) -> list[str]:
    """Latency, missing calibration, and questions that could not be asked."""
    median, slow = seconds(run)
    lines = [f"{1_000 * median:.0f} ms per question (median), {1_000 * slow:.0f} ms at the 95th percentile"]
    if all(row.confidence is None for row in run.rows):
        lines.append("This model is not calibrated: nothing was withheld, and confidence cannot be judged.")
    return lines + [f"{row.id} could not be asked: {row.error}" for row in run.rows if row.error]


def changes(comparison: Comparison) -> list[str]:
    """The questions whose first answer became right or wrong, and McNemar's test."""
    won, lost = comparison.won, comparison.lost
    counted = f"{comparison.lead}: {len(won)} won, {len(lost)} lost"
    return [
        f"{counted}; McNemar's exact test p = {comparison.mcnemar:.4f}",
        *(f"  won: {row.id} {row.question}" for row in won),
        *(f"  lost: {row.id} {row.question}" for row in lost),
    ]


def ranking_table(summaries: Mapping[str, Sequence[Line]]) -> Table:
    """A row for each ranking method; each measure with its interval."""
    first = next(iter(summaries.values()))
    rows = [(method, *(_with_interval(line) for line in lines)) for method, lines in summaries.items()]
    return Table(("ranking", *(line.measure.name for line in first)), tuple(rows))


def ablation_table(runs: Mapping[str, Run]) -> Table:
    """A row for each variant, with the interval of the first measure."""
    rows = []
    for name, run in runs.items():
        lines = {line.measure.name: line for line in summarise(run)}
        shown = [lines[measure] for measure in ABLATION_MEASURES if measure in lines]
        rows.append(
            (name, _with_interval(shown[0]), *map(format_cell, shown[1:]), f"{1_000 * seconds(run)[0]:.0f}")
        )
    return Table(("ranking", *(line.measure.name for line in shown), "ms per question"), tuple(rows))


def comparison_table(differences: Sequence[Difference], alpha: float = ALPHA) -> Table:
    """A row for each measure; the last column marks significant differences."""
    rows = []
    for difference in differences:
        measure, effect = difference.measure, difference.effect
        counts = (difference.wins, difference.losses, difference.ties)
        rows.append(
            (
                measure.name,
                *_both(difference),
                format_difference(effect.value, measure),
                format_interval(effect, measure),
                *(map(str, counts) if any(counts) else (MISSING,) * 3),
                f"{difference.chance.two_sided:.4f}",
                verdict(difference, alpha),
            )
        )
    return Table(("measure", "A", "B", "B - A", "95 % interval", "won", "lost", "tied", "p", ""), tuple(rows))


def slice_table(comparison: Comparison, measure: str) -> Table:
    """One measure by type of question."""
    rows = tuple(
        (name, *_both(difference), str(difference.wins), str(difference.losses))
        for name, differences in comparison.differences.items()
        for difference in differences
        if name != ALL_QUESTIONS and difference.measure.name == measure
    )
    return Table(("type", f"{measure} of A", "of B", "won", "lost"), rows)


def _both(difference: Difference) -> tuple[str, str]:
    """The values of A and B."""
    measure = difference.measure
    return format_value(difference.first, measure), format_value(difference.second, measure)


def format_difference(value: float, measure: Measure) -> str:
    """ "+.083", "-.083", "0"."""
    if value == 0:
        return "0"
    return f"{'+' if value > 0 else ''}{format_value(value, measure)}"


def verdict(difference: Difference, alpha: float) -> str:
    """ "worse" or "better" if the difference is significant, else ""."""
    if difference.chance.two_sided >= alpha:
        return ""
    return "better" if difference.measure.better * difference.effect.value > 0 else "worse"
