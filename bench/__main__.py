"""Measure: python -m bench setup|peers|floors|growth|all|table [--rounds N] [--passages N] [--small]

setup    the peers' environments (also `make bench-setup`; a few minutes, 6 GB)
peers    Pullquote and the peers in turn (two hours on two cores)
floors   memory bandwidth and the bare forward pass (two minutes)
growth   the product at --sizes passages (three minutes, and two more for every 100,000 passages)
all      these three, one after another
table    what was measured, as Markdown

Each part is merged into bench/results/results.json. Nothing else may run meanwhile: two processes on the same
cores make each other several times as slow. With OMP_WAIT_POLICY=passive, which every system then gets, it is
less: threads that wait do not spin. The public sets are read from --sets or BENCH_SETS, by default
../shared/data. --small takes some minutes and writes to bench/results/small: whether it runs, not how fast.

Where the time goes: bench/.venvs/profile/bin/py-spy record -s -o out.svg -- .venv/bin/python -m bench floors
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from bench.corpora import read_source
from bench.errors import BenchFailure
from bench.growth import exponents, measure_size
from bench.growth_step import Case
from bench.hardware_limits import floors
from bench.peer_process import ROOT
from bench.peer_trial import Course
from bench.plot import draw_growth
from bench.results import FOLDER, merge, provenance, read_results, records, sizes_in_order
from bench.rounds import Contest
from bench.setup import set_up
from bench.sizes import SMALL, WHOLE, Scale
from bench.synthetic_corpora import filled
from bench.table import markdown
from index.embedding.shipped_models import default_model_folder

print_now = partial(print, flush=True)


class Run:
    """The parts of a measurement, with what was chosen for it."""

    def __init__(self, scale: Scale, *, sets: Path, work: Path, results: Path) -> None:
        self._scale, self._sets, self._work, self._results = scale, sets, work, results

    def peers(self) -> None:
        """Pullquote and the peers in turn."""
        source = read_source(self._sets)
        texts = filled(source.passages, source.sentences, self._scale.passages)
        course = Course(self._work, str(default_model_folder()), self._scale)
        facts = provenance()
        outcome = Contest(course, texts, source.questions, say=print_now).run()
        systems = {name: records(rounds) for name, rounds in outcome.measured.items()}
        self._merge("peers", facts, systems=systems, failed=outcome.failed)

    def floors(self) -> None:
        """What the machine cannot do faster."""
        source, facts = read_source(self._sets), provenance()
        self._merge("floors", facts, measures=records(floors(self._scale, source.passages, source.questions)))

    def growth(self) -> None:
        """The product at each size; sizes measured before stay."""
        facts = provenance()
        for size in self._scale.sizes:
            sizes = read_results(self._results).get("growth", {}).get("sizes", {})
            measures = measure_size(self._case(size), say=print_now) | {"taken": facts}
            sizes = {**sizes, str(size): measures}
            self._merge("growth", facts, sizes=sizes, exponents=exponents(sizes))
        results = read_results(self._results)
        draw_growth(sizes_in_order(results), results["growth"]["exponents"], self._results)

    def table(self) -> None:
        """What was measured so far."""
        print(markdown(read_results(self._results)))

    def _case(self, size: int) -> Case:
        scale = self._scale
        return Case(
            sets=str(self._sets),
            work=str(self._work),
            passages=size,
            paragraphs=scale.paragraphs,
            sources=scale.sources,
            rounds=scale.rounds,
            k=scale.k,
        )

    def _merge(self, part: str, facts: dict[str, object], **content: object) -> None:
        merge(part, {"taken": facts, "scale": asdict(self._scale), **content}, folder=self._results)


def main() -> int:
    """Take the parts asked for, print the table; 2 when something is missing."""
    chosen = _parser().parse_args()
    if chosen.part == "setup":
        return 0 if set_up() else 1
    scale = SMALL if chosen.small else WHOLE
    options = ("rounds", "sizes", "passages", "built", "questions")
    scale = replace(scale, **{name: getattr(chosen, name) for name in options if getattr(chosen, name)})
    results = FOLDER / "small" if chosen.small else FOLDER
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended too
    run = Run(scale, sets=chosen.sets.resolve(), work=chosen.work.resolve(), results=results)
    parts = {"peers": run.peers, "floors": run.floors, "growth": run.growth}
    try:
        for name, part in parts.items():
            if chosen.part in (name, "all"):
                part()
    except BenchFailure as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    run.table()
    return 0


def _parser() -> argparse.ArgumentParser:
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=doc[0],
        epilog=doc[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sets = os.environ.get("BENCH_SETS") or ROOT.parent / "shared" / "data"
    parser.add_argument("part", choices=("setup", "peers", "floors", "growth", "all", "table"))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sizes", type=_sizes, help="for growth, such as 10000,100000")
    parser.add_argument("--passages", type=int, help="that answer the peers' questions")
    parser.add_argument("--built", type=int, help="of them built anew in every round")
    parser.add_argument("--questions", type=int, help="asked alone, and by 1, 8 and 32 clients, in a round")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--sets", type=Path, default=Path(sets))
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / ".work")
    return parser


def _sizes(written: str) -> tuple[int, ...]:
    return tuple(int(size) for size in written.split(","))


if __name__ == "__main__":
    sys.exit(main())
