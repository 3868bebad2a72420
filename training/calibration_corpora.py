"""Gold sets cut from public data, to fit the shipped confidence on what no gold question of ours has seen.

    python -m training.calibration_corpora ../shared/data [OUT [MODEL]]

Small corpora are cut from two public sets, so that they look like the folders people index: a few articles
of an encyclopaedia, some pages of a government's site. Each is asked questions that it answers, near
misses written to have no answer, questions of other articles, and small talk; some of them again without
their small words, as people type in haste; and names that stand in it or only elsewhere, as people use a
search box. Each corpus is rated by a fit on the others. OUT is the folder the calibration is written to,
MODEL another model than the shipped one, as `qa --model` takes it.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus.article import Article
from eval.calibrate import (
    HeldOut,
    Method,
    Observed,
    calibration,
    hold_out,
    observe,
    strong_threshold,
)
from eval.evidence import locate
from eval.gold import Evidence, GoldQuestion, evidence_in
from index.building.build import build
from index.embedding.encoder import Encoder
from index.embedding.load import load_encoder
from index.generation.data_folder import DataFolder
from index.retrieval.lexical_index import FUNCTION_TERMS
from qa.assistant import Assistant
from qa.confidence import Calibration, write_calibration

SEED = 20
CORPORA = 4
ARTICLES_EACH = 3
PAGES_EACH = 80
QUESTIONS = 120
NEAR_MISSES = 60
FOREIGN = 40
SMALL_TALK = 20
HASTY = 60
NAMES = 40
FOREIGN_NAMES = 30

# One to three capitalised words that do not begin a sentence.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?: [A-Z][a-z]+){0,2}")

# By name of an article: its paragraphs.
Texts = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a public set: the paragraph that answers, and where in it, if the set says so."""

    text: str
    paragraph: str = ""
    span: tuple[int, int] | None = None


Questions = dict[str, list[Asked]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A small corpus and the gold questions put to it."""

    articles: tuple[Article, ...]
    gold: tuple[GoldQuestion, ...]


def trials(folder: Path) -> Iterator[Trial]:
    """Small corpora from the public sets below `folder` (`squad`, `feedbackqa_uk`, `off_topic`)."""
    chance = random.Random(SEED)
    small_talk = [str(row["text"]) for row in read_rows(folder / "off_topic/queries.jsonl")]
    made = [*_encyclopaedia(folder / "squad", chance), *_government(folder / "feedbackqa_uk", chance)]
    for trial, other in zip(made, [*made[1:], made[0]], strict=True):
        chatter = [_unanswerable(text) for text in chance.sample(small_talk, SMALL_TALK)]
        hasty = [replace(gold, question=in_haste(gold.question)) for gold in chance.sample(trial.gold, HASTY)]
        gold = (*trial.gold, *chatter, *hasty, *_names(trial, other, chance))
        yield Trial(trial.articles, tuple(replace(one, id=str(n)) for n, one in enumerate(gold)))


def _unanswerable(text: str) -> GoldQuestion:
    return GoldQuestion("", text, (), answerable=False)


def _answerable(text: str, evidence: Sequence[Evidence]) -> GoldQuestion:
    return GoldQuestion("", text, tuple(evidence), answerable=True)


def in_haste(question: str) -> str:
    """A question without its small words and capitals: "When did OPEC begin?" -> "opec begin"."""
    words = re.findall(r"[\w'’.-]*\w", question.lower())
    return " ".join(word for word in words if word not in FUNCTION_TERMS) or question


def _names(trial: Trial, other: Trial, chance: random.Random) -> list[GoldQuestion]:
    """Names as keywords: some that stand in the corpus, and some that stand only in another one."""
    text = " ".join(article.text for article in trial.articles).lower()
    foreign = [name for name in _names_in(other) if name.lower() not in text]
    present = chance.sample(_names_in(trial), NAMES)
    return [
        *(
            _answerable(name, [Evidence(a, *s) for a in trial.articles for s in locate(a, name)])
            for name in present
        ),
        *(_unanswerable(name) for name in chance.sample(foreign, FOREIGN_NAMES)),
    ]


def _names_in(trial: Trial) -> list[str]:
    return sorted({name for article in trial.articles for name in _NAME.findall(article.text)})


def _encyclopaedia(folder: Path, chance: random.Random) -> list[Trial]:
    texts: dict[str, list[str]] = {}
    paragraphs = {row["_id"]: row["text"] for row in read_rows(folder / "corpus.jsonl")}
    for name, text in paragraphs.items():
        texts.setdefault(name.rsplit("#", 1)[0], []).append(text)
    questions: Questions = {}
    for row in read_rows(folder / "queries.jsonl"):
        rows, first = row["metadata"], row["metadata"]["answers"][0]
        start = first["starts"][0]
        question = Asked(row["text"], paragraphs[rows["passage"]], (start, start + len(first["text"])))
        questions.setdefault(rows["article"], []).append(question)
    unanswerable: Questions = {}
    for row in read_rows(folder / "unanswerable.jsonl"):
        unanswerable.setdefault(row["metadata"]["article"], []).append(Asked(row["text"]))
    return _cut(texts, chance, each=ARTICLES_EACH, questions=questions, unanswerable=unanswerable)


def _government(folder: Path, chance: random.Random) -> list[Trial]:
    pages = read_rows(folder / "corpus.jsonl")
    texts = {page["_id"]: [page["title"], *page["text"].split("\n")] for page in pages}
    queries = {row["_id"]: row["text"] for row in read_rows(folder / "queries_train.jsonl")}
    questions: Questions = {}
    for line in (folder / "qrels/train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, page, _ = line.split("\t")
        questions.setdefault(page, []).append(Asked(queries[query]))
    return _cut(texts, chance, each=PAGES_EACH, questions=questions, unanswerable={})


def _cut(
    texts: Texts, chance: random.Random, *, each: int, questions: Questions, unanswerable: Questions
) -> list[Trial]:
    """Corpora of `each` articles; what is foreign to all of them is asked of articles that are in none."""
    names = sorted(texts)
    chance.shuffle(names)
    others = names[CORPORA * each :]
    made = []
    for start in range(0, CORPORA * each, each):
        articles = {name: _article_of(name, texts[name]) for name in names[start : start + each]}
        answered = [(articles[name], question) for name in articles for question in questions.get(name, ())]
        chosen = chance.sample(answered, min(QUESTIONS, len(answered)))
        missed = _sample(chance, unanswerable, list(articles), NEAR_MISSES)
        foreign = _sample(chance, questions, others, FOREIGN)
        gold = [
            *(_answerable(question.text, _locate(article, question)) for article, question in chosen),
            *(_unanswerable(question.text) for question in (*missed, *foreign)),
        ]
        made.append(Trial(tuple(articles.values()), tuple(gold)))
    return made


def _locate(article: Article, question: Asked) -> list[Evidence]:
    """Where the answer stands; the whole article when the set does not say, or the text was not kept."""
    paragraph = _folded(question.paragraph)
    start = article.text.find(paragraph) if question.span and paragraph == question.paragraph else -1
    if start < 0 or not question.span:
        return evidence_in(article, 0, len(article.text))
    return [Evidence(article, start + question.span[0], start + question.span[1])]


def read_rows(path: Path) -> list[Any]:
    """The JSON values of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _sample(chance: random.Random, questions: Questions, names: Sequence[str], count: int) -> list[Asked]:
    sample = [question for name in names for question in questions.get(name, ())]
    return chance.sample(sample, min(count, len(sample)))


def _article_of(name: str, paragraphs: Sequence[str]) -> Article:
    """An article without title, of paragraphs with single spaces."""
    text = "\n\n".join(_folded(paragraph) for paragraph in paragraphs if paragraph.strip())
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Article(name, "", text, name, "", "", "", "", digest)


def _folded(text: str) -> str:
    return " ".join(text.split())


def open_trial(trial: Trial, encoder: Encoder, data: Path) -> Assistant:
    """An assistant that answers from the trial's articles, indexed in `data`."""
    build(trial.articles, encoder, data)
    return Assistant(DataFolder(data).open(), encoder)


def join(parts: Sequence[Observed]) -> Observed:
    """The questions of several corpora in one."""
    columns = zip(*((part.values, part.right, part.answerable) for part in parts), strict=True)
    return Observed(parts[0].names, *(np.concatenate(column) for column in columns))


def corpus_folds(parts: Sequence[Observed]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each corpus held out once, as rows of the joined questions."""
    number = np.repeat(np.arange(len(parts)), [len(part.right) for part in parts])
    return [(np.flatnonzero(number != n), np.flatnonzero(number == n)) for n in range(len(parts))]


def main() -> None:
    """Print what the fits on other corpora give each corpus; write the calibration to a folder named."""
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(
            "usage: python -m training.calibration_corpora FOLDER [OUT [MODEL]] "
            "(squad, feedbackqa_uk, off_topic in FOLDER)"
        )
    encoder = load_encoder(*sys.argv[3:])
    parts = []
    for trial in trials(Path(sys.argv[1])):
        with tempfile.TemporaryDirectory() as data:
            parts.append(observe(open_trial(trial, encoder, Path(data)), trial.gold))
    fitted = _fitted(parts, encoder)
    if sys.argv[2:]:
        name = fitted.model.rpartition("/")[2].lower()
        write_calibration(Path(sys.argv[2]) / f"{name}-alone.json", fitted)


def _fitted(parts: Sequence[Observed], encoder: Encoder) -> Calibration:
    """The calibration of the encoder; what it was judged by is printed."""
    observed, folds = join(parts), corpus_folds(parts)
    rated = {method: hold_out(observed, method, folds) for method in Method}
    held_out = rated[Method.LOGISTIC]
    fitted = calibration(
        observed,
        Method.LOGISTIC,
        strong_threshold(observed, held_out, Method.LOGISTIC),
        models=(encoder, None),
        fitted_on=f"{len(observed.right):,} public questions in {len(parts)} small corpora",
    )
    print(fitted.models)
    for method, result in rated.items():
        print(f"{method}: Brier {result.brier:.3f}, ECE {result.ece:.3f}, AUROC {result.auroc:.3f}")
    weights = zip(fitted.facts, fitted.weights, strict=True)
    print(*(f"{name} {weight:.3f}" for name, weight in weights), f"constant {fitted.constant:.3f}")
    print(f"strong from {fitted.strong_from:.3f}")
    _print_thresholds(held_out)
    return fitted


def _print_thresholds(held_out: HeldOut) -> None:
    print("threshold  answerable withheld  unanswerable withheld  right from here on")
    for threshold in np.arange(0.05, 0.95, 0.05):
        low = held_out.chances < threshold
        shares = (
            low[held_out.answerable == 1].mean(),
            low[held_out.answerable == 0].mean(),
            held_out.right[~low].mean(),
        )
        print(f"{threshold:9.2f}  {shares[0]:19.3f}  {shares[1]:21.3f}  {shares[2]:18.3f}")


if __name__ == "__main__":
    main()
