"""`qa verify` and `qa doctor`: checks the files of an index, and shows what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import with_settings
from cli.terminal import count, say

if TYPE_CHECKING:
    from index.generation.generation import Generation
    from qa.settings import Settings

_METADATA = ("title", "author", "publisher", "published")


@with_settings("data", damage=1)
def verify(
    settings: Settings,
    recover: Annotated[
        bool, typer.Option("--recover", help="Go back to the newest generation that verifies.")
    ] = False,
) -> None:
    """Hash every file of the index again and compare each passage with the text it was cut from."""
    from index.published import open_published

    source = open_published(settings.data, settings.engine)
    if recover:
        say(f"Published {source.recover()} again.")
    report = source.verify()
    say(
        f"ok: {report.generation}: {report.files} files, {report.hashed:,} bytes as published; "
        f"{report.sentences} sentences and {report.passages} passages of {report.articles} articles "
        f"match the text at their offsets"
    )


@with_settings("data")
def doctor(settings: Settings) -> None:
    """Show how parsers are confined, what cleaning dropped, near-duplicates, and the index settings."""
    from corpus.sandbox.confinement import confinement
    from qa.loading import open_index

    say(f"parsers are confined by: {confinement()}")
    generation, engine = open_index(settings), settings.engine
    _print_articles(generation)
    _print_manifest(generation, settings)
    if engine:
        say(f"store: {engine.shown}, {engine.replicas} replicas, files in {engine.files}")


def _print_articles(generation: Generation) -> None:
    from corpus.near_duplicates import near_duplicates

    for article in generation.articles:
        say(f"{article.source}: {article.title or '(no title)'}")
        missing = [name for name in _METADATA if not getattr(article, name)]
        if missing:
            say(f"  missing: {', '.join(missing)}")
        for line in article.dropped:
            say(f"  dropped ({line.reason}): {line.text}")
    pairs = near_duplicates(generation.sentences)
    for pair in pairs:
        say(f"near-duplicates: {pair.first.source} and {pair.second.source} ({pair.share:.0%} shared)")
    say(f"{count(generation.articles, 'article')}, {count(pairs, 'pair')} of near-duplicates")


def _print_manifest(generation: Generation, settings: Settings) -> None:
    from index.embedding.load import PREFERRED, unavailable_reason

    manifest = generation.manifest
    say(f"generation {manifest.generation}, built {manifest.created}")
    say(
        f"model {manifest.model}, {manifest.dimension} dimensions, {manifest.token_dimension} of a token, "
        f"fingerprint {manifest.fingerprint[:12]}"
    )
    say(_calibration(manifest.fingerprint, settings))
    for backend in PREFERRED:
        reason = unavailable_reason(backend)
        say(f"backend {backend}: {f'skipped: {reason}' if reason else 'usable'}")
    for name, value in {**manifest.counts, **manifest.settings}.items():
        say(f"{name}: {value}")
    say(f"index: {', '.join(f'{key} {value}' for key, value in manifest.index.items())}")


def _calibration(fingerprint: str, settings: Settings) -> str:
    from index.search.rerank import reranker_fingerprint
    from qa.confidence import calibration_for
    from qa.loading import UNCALIBRATED

    calibration = calibration_for(fingerprint, reranker_fingerprint(settings.reranker), settings.data)
    if calibration is None:
        return UNCALIBRATED
    thresholds = calibration.thresholds(settings.costs).items()
    least = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in thresholds)
    return f"confidence fitted on {calibration.fitted_on}; {least}"
