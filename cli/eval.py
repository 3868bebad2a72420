"""The `qa eval` commands: measure, report, compare, ablate, calibrate, check, collect.

Exit codes: 0 done, 1 a named measure regressed or a gold file has faults, 2 bad input.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import with_settings
from cli.terminal import code_facts, count, fail, one_line_errors, print_table, progress, say

if TYPE_CHECKING:
    from eval.beir.collection import Collection
    from eval.gold import GoldQuestion
    from eval.run import Run
    from eval.tables import Table
    from qa.assistant import Assistant
    from qa.settings import Settings

app = typer.Typer(
    help="Measure answers on gold questions, see why they fail, compare versions.",
    add_completion=False,
    rich_markup_mode=None,
)

Gold = Annotated[Path, typer.Argument(help="Gold questions: JSON Lines, see docs/gold-questions.md.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to keep the run in; must not exist yet.")]
Extracts = Annotated[int, typer.Option("-k", min=1, max=50, help="Extracts each question is judged by.")]


@app.callback(invoke_without_command=True)
@with_settings("model", "device", "reranker")
def measure(
    settings: Settings,
    context: typer.Context,
    beir: Annotated[
        Path | None, typer.Option(help="A folder in BEIR's form: measure retrieval of whole documents.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgements: qrels/SPLIT.tsv.")] = "test",
    sentences: Annotated[
        bool, typer.Option("--sentences", help="Rank by the product's own search too: slow, kept in --data.")
    ] = False,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Documents each query is judged by.")] = 10,
    out: Out = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the index for --sentences.")] = None,
) -> None:
    """Measure answers on gold questions, see why they fail, compare versions."""
    if beir is None:
        say(context.get_help())
        raise typer.Exit(2)
    if sentences and data is None:
        fail("--sentences needs --data: a folder of its own for the index of these documents")
    from eval.beir.collection import read_collection
    from eval.run_folder import check_free, write_run
    from eval.summary import summarise
    from eval.tables import ranking_table

    if out:
        check_free(out)
    collection = read_collection(beir, split=split)
    runs = _rank_collection(collection, settings, k=k, index=data if sentences else None)
    summaries = {method: summarise(result) for method, result in runs.items()}
    _print(ranking_table(summaries))
    if out:
        for method, result in runs.items():
            write_run(out / method, result, summaries[method])
        say(f"Kept in {out}: a run for each ranking.")


@app.command()
@with_settings("data", "model", "device", "reranker")
def run(settings: Settings, gold: Gold, out: Out = None, k: Extracts = 5) -> None:
    """Ask every gold question and print how good the answers are; --out keeps everything in a folder."""
    from eval.run import evaluate
    from eval.run_folder import check_free, write_run
    from eval.summary import summarise
    from eval.tables import remarks, summary_table, type_table

    if out:
        check_free(out)
    assistant, questions = _open(settings, gold)
    assistant.ask(questions[0].question)  # the first question pays for what is loaded on first use
    with progress("Asking") as advance:
        result = evaluate(
            partial(assistant.ask, k=k),
            questions,
            assistant.generation.articles,
            k=k,
            trace=assistant.stages,
            progress=advance,
        )
    result = replace(result, facts=_facts(gold, assistant))
    lines = summarise(result)
    _print(type_table(lines, result))
    _print(summary_table(lines))
    for line in remarks(result):
        say(line)
    if out:  # last, so that the numbers are printed even if the folder cannot be written
        write_run(out, result, lines)
        say(f"Kept in {out}; `qa eval report {out}` makes a page of it.")


@app.command()
@one_line_errors()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; RUN/report.html otherwise.")
    ] = None,
) -> None:
    """Write a run as one page of HTML that needs no network."""
    from eval.errors import RunError
    from eval.report.report import render_report
    from eval.run_folder import read_run

    page = out or folder / "report.html"
    content = render_report(read_run(folder), name=folder.resolve().name)
    try:
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{page} cannot be written: {error.strerror}; name another file with --out") from error
    say(f"Wrote {page}.")


@app.command()
@one_line_errors()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of the earlier run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Folder of the later run.")],
    fail_on: Annotated[
        list[str] | None, typer.Option(help='Exit with 1 when this measure regressed, such as "hit@1".')
    ] = None,
    alpha: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How often chance alone may raise the alarm.")
    ] = 0.05,
) -> None:
    """Hold run B against run A, question by question, and say what could be chance."""
    from eval import compare as comparing
    from eval.gold import ALL_QUESTIONS
    from eval.run_folder import read_run
    from eval.tables import changes, comparison_table, slice_table

    comparison = comparing.compare(read_run(first), read_run(second))
    watched = [comparison.find(name) for name in fail_on or ()]
    _print(comparison_table(comparison.differences[ALL_QUESTIONS], alpha))
    _print(slice_table(comparison, comparison.lead))
    for line in changes(comparison):
        say(line)
    regressed = [each for each in watched if each.regressed(alpha)]
    for each in regressed:
        say(f"Regressed: {each.measure.name} (by chance alone: p = {each.chance.worse:.4f}, one-sided).")
    if regressed:
        raise typer.Exit(1)
    if watched:
        say(f"No regression of {', '.join(each.measure.name for each in watched)}.")


@app.command()
@with_settings("data", "model", "device", "reranker")
def ablate(
    settings: Settings,
    gold: Gold,
    k: Extracts = 5,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Measure the ranking with parts of it left out."""
    from eval.run import ablate as ablated
    from eval.tables import ablation_table
    from qa.confidence import calibration_for

    assistant, questions = _open(settings, gold)
    assistant.ask(questions[0].question)
    alone = calibration_for(assistant.encoder.fingerprint, "", settings.data)
    with progress("Asking") as advance:
        runs = ablated(assistant, questions, k=k, unreranked=alone, progress=advance)
    table = ablation_table(runs)
    say(table.markdown()) if markdown else _print(table)


@app.command()
@with_settings("data", "model", "device", "reranker")
def calibrate(
    settings: Settings,
    gold: Gold,
    method: Annotated[str, typer.Option(help="logistic, isotonic, or the better of both held out.")] = "auto",
    strong_right: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Share of strong answers that must be right.")
    ] = 0.9,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print, store nothing.")] = False,
) -> None:
    """Fit confidence and bands on gold questions and store them beside the index, for its models alone."""
    from eval import calibrate as fitting
    from qa.confidence import CALIBRATION, write_calibration

    if method not in ("auto", *fitting.Method):
        fail(f"there is no method {method!r}; choose from: auto, {', '.join(fitting.Method)}")
    assistant, questions = _open(settings, gold, calibrated=False)
    with progress("Asking") as advance:
        observed = fitting.observe(assistant, questions, progress=advance)
    folds = fitting.question_folds(observed)
    rated = {each: fitting.hold_out(observed, each, folds) for each in fitting.Method}
    best = min(rated, key=lambda each: rated[each].brier) if method == "auto" else fitting.Method(method)
    strong = fitting.strong_threshold(observed, rated[best], best, share=strong_right)
    for line in fitting.describe(rated, best, strong, costs=settings.costs):
        say(line)
    source = f"{count(questions, 'question')} of {gold.name}"
    fitted = fitting.calibration(observed, best, strong, models=assistant.models, fitted_on=source)
    if not dry_run:
        path = settings.data / CALIBRATION
        write_calibration(path, fitted)
        say(f"Stored in {path} for {fitted.models}; delete it to go back to the shipped one.")


@app.command()
@with_settings("data")
def check(settings: Settings, gold: Gold) -> None:
    """Tell what is wrong with a gold file; exits with 1 when something is."""
    from eval.gold import check_gold
    from qa.loading import open_index

    questions, faults = check_gold(gold, open_index(settings).articles)
    for fault in faults:
        if not fault.line:  # the file itself is no gold file
            raise fault
        say(str(fault), error=True)
    answerable = sum(question.answerable for question in questions)
    say(
        f"{count(questions, 'sound question')}, {answerable} answerable, "
        f"{len(questions) - answerable} unanswerable; {count(faults, 'fault')}"
    )
    if faults:
        raise typer.Exit(1)


@app.command()
@one_line_errors()
def candidates(
    answers: Annotated[Path, typer.Argument(help="Answers as `qa ask --batch FILE --json` prints them.")],
    prefix: Annotated[str, typer.Option(help="What ids begin with.")] = "use",
) -> None:
    """Print gold lines to be completed: questions not answered, answers marked "useful": true or false."""
    from eval.gold_candidates import candidates as collected
    from eval.gold_candidates import read_answers

    for line in collected(read_answers(answers), prefix=prefix):
        print(json.dumps(line, ensure_ascii=False), flush=True)


def _open(
    settings: Settings, gold: Path, *, calibrated: bool = True
) -> tuple[Assistant, Sequence[GoldQuestion]]:
    """The assistant, and the questions of a gold file about its articles; the file is read first."""
    from eval.errors import GoldError
    from eval.gold import read_gold
    from qa.loading import open_assistant, open_index

    questions = read_gold(gold, open_index(settings).articles)
    if not any(question.answerable for question in questions):
        raise GoldError(gold, "has no answerable question, so no answer can be right; add one")
    return open_assistant(settings, calibrated=calibrated), questions


def _rank_collection(
    collection: Collection, settings: Settings, *, k: int, index: Path | None
) -> dict[str, Run]:
    """A run for each way of ranking the documents; by sentences too if there is a folder for their index."""
    from eval.beir.document_ranking import RankingMethod, rank_by_sentence, rank_documents
    from eval.beir.runs import retrieval_runs
    from qa.loading import load_encoder, load_reranking

    encoder, reranking = load_encoder(settings), load_reranking(settings)
    with progress("Encoding documents") as advance:
        rankings = rank_documents(collection, encoder, reranking=reranking, progress=advance)
    if index is not None:
        with progress("Indexing sentences") as advance:
            rankings[RankingMethod.SENTENCES] = rank_by_sentence(
                collection, encoder, index, reranking=reranking, progress=advance
            )
    facts = code_facts() | {
        "collection": collection.name,
        "split": collection.split,
        "model": encoder.name,
        "fingerprint": encoder.fingerprint,
        "reranker": reranking.reranker.name if reranking else "none",
    }
    say(f"{collection.name}: {len(collection.documents):,} documents, {len(collection.queries):,} queries")
    return retrieval_runs(collection, rankings, k=k, facts=facts)


def _print(table: Table) -> None:
    if table.rows:
        print_table(table.columns, table.rows)


def _facts(gold: Path, assistant: Assistant) -> dict[str, str]:
    """The provenance of a run."""
    manifest, calibration = assistant.generation.manifest, assistant.calibration
    thresholds = calibration.thresholds(assistant.costs) if calibration else {}
    return code_facts() | {
        "gold": gold.name,
        "gold_sha256": hashlib.sha256(gold.read_bytes()).hexdigest(),
        "generation": manifest.generation,
        "articles": str(manifest.counts["articles"]),
        "model": manifest.model,
        "fingerprint": manifest.fingerprint,
        "reranker": assistant.reranking.reranker.name if assistant.reranking else "none",
        "calibration": calibration.fitted_on if calibration else "none",
        **{name: f"{least:.3g}" for name, least in thresholds.items()},
        **{name: str(value) for name, value in manifest.settings.items()},
    }
