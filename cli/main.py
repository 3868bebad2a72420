"""The `qa` command: index, ask, serve, verify, doctor; `qa eval`, `feedback`, `access` have files of their
own.

This is a door: it reads paths and the environment, prints, and turns the rooms' errors into one line and
exit code 2. Everything heavy is imported by the command that needs it, so that `qa --help` is immediate.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.access import app as access_app
from cli.eval import app as eval_app
from cli.feedback import app as feedback_app
from cli.feedback import forget_questions
from cli.ray import RayOptions, check_no_ray, gather_with_ray
from cli.store import app as store_app
from cli.store import print_store, publish_in_engine
from cli.terminal import (
    DEFAULT_DATA,
    Backend,
    Data,
    Device,
    Model,
    Ray,
    Reranker,
    Shards,
    count,
    fail,
    load_encoder,
    one_line_errors,
    open_assistant,
    open_index,
    progress,
    say,
)

if TYPE_CHECKING:
    from corpus.read import Reading
    from index.building.embed import Block
    from index.embedding.encoder import Encoder
    from index.generation.generation import Generation
    from qa.answer import Answer, Extract

SHIPPED_ARTICLES = Path(__file__).parents[1] / "corpus" / "articles"
_INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended

app = typer.Typer(
    name="qa",
    help="Answer questions with ranked, cited, word-for-word extracts from a folder of articles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(eval_app, name="eval")
app.add_typer(feedback_app, name="feedback")
app.add_typer(access_app, name="access")
app.add_typer(store_app, name="store")
app.command("forget")(forget_questions)

Strict = Annotated[bool, typer.Option("--strict", help="Fail when any file cannot be read.")]


def main() -> None:
    """Run the `qa` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What is printed is the articles' text, whatever the terminal's encoding is set to.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


@app.command()
def index(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files and folders; the shipped articles when none is given.")
    ] = None,
    data: Data = DEFAULT_DATA,
    model: Model = "",
    device: Device = "",
    backend: Backend = "",
    ray: Ray = "",
    shards: Shards = "",
    strict: Strict = False,
) -> None:
    """Read articles and publish a new generation of the index."""
    with one_line_errors():
        places = paths or [str(SHIPPED_ARTICLES)]
        if not ray:
            check_no_ray(places, shards)
        encoder = load_encoder(model, device, data, backend=backend)
        if ray:
            wanted = RayOptions(ray, shards, model, device, backend)
            _index_with_ray(places, data, wanted, encoder=encoder, strict=strict)
        else:
            _index(list(map(Path, places)), data, encoder=encoder, strict=strict)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help='The question; a "quoted phrase" must occur.')] = "",
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Extracts at most.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    batch: Annotated[
        str, typer.Option(help='JSON lines with "id" and "question"; - reads standard input.')
    ] = "",
    article: Annotated[list[str] | None, typer.Option(help="Only this article (id or file name).")] = None,
    publisher: Annotated[list[str] | None, typer.Option(help="Only this publisher.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="Only this author.")] = None,
    year: Annotated[list[str] | None, typer.Option(help="Only this year.")] = None,
    data: Data = DEFAULT_DATA,
    model: Model = "",
    device: Device = "",
    backend: Backend = "",
    reranker: Reranker = "",
) -> None:
    """Answer one question, or a file of them."""
    with one_line_errors():
        if bool(question) == bool(batch):
            fail("nothing to ask: give one question in quotation marks, or --batch FILE (not both)")
        from index.retrieval.filter import Filter

        where = Filter(
            articles=tuple(article or ()),
            publishers=tuple(publisher or ()),
            authors=tuple(author or ()),
            years=tuple(year or ()),
        )
        assistant = open_assistant(data, model, device, reranker, backend=backend)
        allowed = assistant.generation.facets.allowed(where)
        if allowed is not None and not allowed.any():
            fail("no article has these facts; `qa doctor` lists what there is")
        if batch:
            from cli.batch import ask_batch

            ask_batch(assistant, batch, k=k, where=where)
        else:
            answer = assistant.ask(question, k, where)
            _print_record(answer) if as_json else _print_answer(answer)


@app.command()
def serve(
    articles: Annotated[
        Path | None, typer.Option(help="Index this folder first; unchanged text is not encoded again.")
    ] = None,
    host: Annotated[str, typer.Option(envvar="QA_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="QA_PORT", max=65535, help="Port to listen on.")] = 7860,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Let everybody in who reaches the address.")
    ] = False,
    data: Data = DEFAULT_DATA,
    model: Model = "",
    device: Device = "",
    backend: Backend = "",
    reranker: Reranker = "",
) -> None:
    """Serve the page and the API; indexes the shipped articles when there is no index yet."""
    with one_line_errors():
        from app import check_exposure
        from app import serve as run
        from web.settings import read_settings

        settings = replace(read_settings(), data=data, host=host, port=port, model=model, device=device)
        settings = replace(settings, reranker=reranker or settings.reranker)
        settings = replace(settings, backend=backend or settings.backend)
        settings = replace(settings, open_to_all=open_to_all or settings.open_to_all)
        check_exposure(settings)
        say("Loading the model.")
        encoder = None
        if articles or not (settings.store or _has_index(data)):
            encoder = load_encoder(model or _model_of(data), device, data, backend=settings.backend)
            _index([articles or SHIPPED_ARTICLES], data, encoder=encoder, strict=False)
        run(settings, encoder, announce=say)


@app.command()
def verify(
    data: Data = DEFAULT_DATA,
    recover: Annotated[
        bool, typer.Option("--recover", help="Go back to the newest generation that verifies.")
    ] = False,
) -> None:
    """Hash every file of the index again and compare each passage with the text it was cut from."""
    with one_line_errors():
        from index.errors import Altered, Damaged
        from index.published import open_published
        from web.settings import read_settings

        source = open_published(data, read_settings().store)
        try:
            if recover:
                say(f"Published {source.recover()} again.")
            report = source.verify()
        except (Altered, Damaged) as damage:
            say(f"qa: {damage}", error=True)
            raise typer.Exit(1) from damage
        say(
            f"ok: {report.generation}: {report.files} files, {report.hashed:,} bytes as published; "
            f"{report.sentences} sentences and {report.passages} passages of {report.articles} articles "
            f"are the text their offsets say"
        )


@app.command()
def doctor(data: Data = DEFAULT_DATA) -> None:
    """Show what cleaning dropped, what is missing, near-duplicates, and the settings of the index."""
    with one_line_errors():
        _print_checkup(open_index(data), data)
        print_store()


def _index(paths: list[Path], data: Path, *, encoder: Encoder, strict: bool) -> None:
    from corpus.read import read_articles

    _publish(read_articles(paths), paths, data, encoder=encoder, strict=strict)


def _index_with_ray(
    places: list[str], data: Path, wanted: RayOptions, *, encoder: Encoder, strict: bool
) -> None:
    with _stoppable():
        gathered = gather_with_ray(places, data, encoder, wanted)
    _publish(gathered.reading, places, data, encoder=encoder, strict=strict, found=gathered.blocks())


def _publish(
    reading: Reading,
    paths: Sequence[object],
    data: Path,
    *,
    encoder: Encoder,
    strict: bool,
    found: Iterable[Block] = (),
) -> None:
    from index.building.build import build
    from web.settings import read_settings

    plan = read_settings().plan
    for skipped in reading.skipped:
        say(f"skipped {skipped.source}: {skipped.reason}", error=True)
    if strict and reading.skipped:
        fail(f"{count(reading.skipped, 'file')} skipped; mend or remove what is named, or leave out --strict")
    if not reading.articles:
        places = ", ".join(map(str, paths))
        fail(f"no article found in {places}; give a folder with .txt, .md, .html, .pdf or .docx files")
    with _stoppable(), progress("Encoding") as advance:
        built = build(reading.articles, encoder, data, plan=plan, found=found, progress=advance)
    counts = f"{count(reading.articles, 'article')}, {count(reading.skipped, 'file')} skipped"
    if built.unchanged:
        say(f"Index is up to date: {counts}; generation {built.generation}.")
    else:
        say(
            f"Indexed {counts}; {built.encoded} texts encoded, {built.reused} vectors reused; "
            f"generation {built.generation}."
        )
    publish_in_engine(data)


@contextmanager
def _stoppable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("qa: stopped; the index is as it was, run the same command again to go on from here", error=True)
        raise typer.Exit(_INTERRUPTED) from None


def _has_index(data: Path) -> bool:
    from index.errors import NoIndex
    from index.generation.data_folder import DataFolder

    try:
        DataFolder(data).current()
    except NoIndex as error:
        if error.left:
            raise
        return False
    return True


def _model_of(data: Path) -> str:
    """The model an index was built with, "" when there is no index."""
    from index.generation.data_folder import DataFolder

    return DataFolder(data).manifest().model if _has_index(data) else ""


def _print_record(answer: Answer) -> None:
    from qa.answer_json import answer_record

    print(json.dumps(answer_record(answer), ensure_ascii=False, indent=2))


def _print_answer(answer: Answer) -> None:
    if answer.abstained:
        say("No answer found in these articles. Closest passages:" if answer.nearest else "No answer found.")
    if answer.expansions:
        say(f"Also searched: {', '.join(answer.expansions)}.")
    for extract in answer.extracts or answer.nearest:
        _print_extract(extract)
    if answer.abstained:
        say("\nTry other words, or fewer of them.")
    if not answer.calibrated:
        say("\nThere is no calibration for these models: matches are not rated and none is withheld.")


def _print_extract(extract: Extract) -> None:
    from rich.console import Console
    from rich.text import Text

    article, (start, end) = extract.article, extract.answer
    # A pipe gets whole lines: a word-for-word extract has no line breaks of a terminal's width.
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal
    text = Text(extract.text)
    if console.is_terminal:
        text.stylize("bold reverse", start - extract.start, end - extract.start)
    else:
        before, after = article.text[extract.start : start], article.text[end : extract.end]
        text = Text(f"{before}>>{extract.answer_text}<<{after}")
    facts = (article.display_title, *article.names, article.published)
    console.print(Text(f"\n{extract.rank}. {extract.band.label}", style="bold"))
    console.print(text)
    console.print(Text("   " + ", ".join(filter(None, (*facts, article.source))), style="dim"))


def _calibration(fingerprint: str, data: Path) -> str:
    from app import UNCALIBRATED
    from index.search.rerank import NO_RERANKER
    from index.search.reranker_model import joint_fingerprint
    from qa.confidence import calibration_for
    from web.settings import read_settings

    alone = read_settings().reranker == NO_RERANKER
    fitted = calibration_for(fingerprint, "" if alone else joint_fingerprint(), data)
    if fitted is None:
        return UNCALIBRATED
    return (
        f"confidence fitted on {fitted.fitted_on}; declined below {fitted.abstain_below:g}, "
        f"strong from {fitted.strong_from:g}"
    )


def _print_backends() -> None:
    """One line for each that `auto` may take: whether it may here, or why it is skipped."""
    from index.embedding.backends import PREFERRED, unavailable_reason

    for backend in PREFERRED:
        reason = unavailable_reason(backend)
        say(f"backend {backend}: {f'skipped: {reason}' if reason else 'usable'}")


def _print_checkup(generation: Generation, data: Path) -> None:
    from corpus.near_duplicates import near_duplicates

    for article in generation.articles:
        missing = [
            name for name in ("title", "author", "publisher", "published") if not getattr(article, name)
        ]
        say(f"{article.source}: {article.title or '(no title)'}")
        if missing:
            say(f"  missing: {', '.join(missing)}")
        for line in article.dropped:
            say(f"  dropped ({line.reason}): {line.text}")
    pairs = near_duplicates(generation.sentences)
    for pair in pairs:
        say(f"near-duplicates: {pair.first.source} and {pair.second.source} ({pair.share:.0%} shared)")
    say(f"{count(generation.articles, 'article')}, {count(pairs, 'pair')} of near-duplicates")
    manifest = generation.manifest
    say(f"generation {manifest.generation}, built {manifest.created}")
    say(f"model {manifest.model}, {manifest.dimension} dimensions, fingerprint {manifest.fingerprint[:12]}")
    say(_calibration(manifest.fingerprint, data))
    _print_backends()
    for name, value in {**manifest.counts, **manifest.settings}.items():
        say(f"{name}: {value}")
    for name, facts in manifest.indexes.items():
        say(f"{name}: {', '.join(f'{fact} {value}' for fact, value in facts.items())}")
