"""Gold sets cut from public data, to fit the shipped confidence on what no gold question of ours has seen.

    python -m training.calibration_corpora ../shared/data [--out OUT] [--model MODEL] [--reranker RERANKER]

Small corpora are cut from two public sets, so that they look like the folders people index: a few articles
of an encyclopaedia, some pages of a government's site; a third one is made of passages that answer what
people typed into a web search. Each is asked questions that it answers, near misses written to have no
answer, its own questions with a name or number of elsewhere, questions of other articles, and small talk;
some of them again without their small words, as people type in haste; and names that stand in it or only
elsewhere, as people use a search box. Of all these a quarter is kept unanswerable: a confidence is right for
the share it was fitted with. Each source is rated by a fit on the others. OUT is the folder the
calibration is written to; MODEL and RERANKER are as `qa` takes them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus.article import Article
from eval.abstention import auroc, calibration_error
from eval.calibrate import (
    Folds,
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
from index.search.rerank import Reranker, Reranking, load_reranker
from qa.assistant import Assistant
from qa.confidence import Calibration, Costs, write_calibration
from qa.settings import Settings

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
RENAMED = 30
UNANSWERABLE = 0.25
"""Share of unanswerable questions, as in gold sets that people write."""

_NUMBER = re.compile(r"\b\d{2,4}\b")

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
    """A small corpus of a source, and the gold questions put to it."""

    source: str
    articles: tuple[Article, ...]
    gold: tuple[GoldQuestion, ...]


def trials(folder: Path) -> Iterator[Trial]:
    """Small corpora from the public sets below `folder` (`squad`, `feedbackqa_uk`, `off_topic`, `train`)."""
    chance = random.Random(SEED)
    small_talk = [str(row["text"]) for row in read_rows(folder / "off_topic/queries.jsonl")]
    made = [*_encyclopaedia(folder / "squad", chance), *_government(folder / "feedbackqa_uk", chance)]
    for trial, other in zip(made, [*made[1:], made[0]], strict=True):
        chatter = [_unanswerable(text) for text in chance.sample(small_talk, SMALL_TALK)]
        hasty = [replace(gold, question=in_haste(gold.question)) for gold in chance.sample(trial.gold, HASTY)]
        gold = (*trial.gold, *chatter, *hasty, *_names(trial, other, chance), *_renamed(trial, other, chance))
        yield _numbered(trial.source, trial.articles, gold)
    yield _web_search(folder / "train/nq_clapnq_dev.jsonl.gz", small_talk[:SMALL_TALK])


def _numbered(source: str, articles: Sequence[Article], gold: Sequence[GoldQuestion]) -> Trial:
    return Trial(source, tuple(articles), tuple(replace(one, id=str(n)) for n, one in enumerate(gold)))


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


def _renamed(trial: Trial, other: Trial, chance: random.Random) -> list[GoldQuestion]:
    """Answerable questions about a name or a number that is not in the corpus: nothing answers any more."""
    text = " ".join(article.text for article in trial.articles).lower()
    names = [name for name in _names_in(other) if name.lower() not in text]
    numbers = [number for number in map(str, range(10, 2_030)) if number not in text]
    made = []
    for gold in chance.sample([gold for gold in trial.gold if gold.answerable], len(trial.gold) // 3):
        for pattern, pool in ((_NAME, names), (_NUMBER, numbers)):
            if match := pattern.search(gold.question):
                start, end = match.span()
                made.append(_unanswerable(gold.question[:start] + chance.choice(pool) + gold.question[end:]))
                break
    return made[:RENAMED]


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
    return _cut("squad", texts, chance, each=ARTICLES_EACH, questions=questions, unanswerable=unanswerable)


def _government(folder: Path, chance: random.Random) -> list[Trial]:
    pages = read_rows(folder / "corpus.jsonl")
    texts = {page["_id"]: [page["title"], *page["text"].split("\n")] for page in pages}
    queries = {row["_id"]: row["text"] for row in read_rows(folder / "queries_train.jsonl")}
    questions: Questions = {}
    for line in (folder / "qrels/train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, page, _ = line.split("\t")
        questions.setdefault(page, []).append(Asked(queries[query]))
    return _cut("feedbackqa", texts, chance, each=PAGES_EACH, questions=questions, unanswerable={})


def _web_search(file: Path, small_talk: Sequence[str]) -> Trial:
    """Passages by title, and what people typed; a row is one answering sentence of a question's passage."""
    rows: dict[str, list[Any]] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            rows.setdefault(row["question"], []).append(row)
    passages: dict[str, dict[str, None]] = {}
    for question, same in rows.items():
        for text in sorted(map(_passage, same), key=len, reverse=True):
            whole = passages.setdefault(same[0].get("title") or question, {})
            if not any(text in passage for passage in whole):
                whole[text] = None
    articles = {title: _article_of(title, list(texts)) for title, texts in passages.items()}
    gold = list(map(_unanswerable, small_talk))
    for question, same in rows.items():
        article = articles[same[0].get("title") or question]
        spans = [span for row in same for span in locate(article, _folded(row["positive"]))]
        evidence = [piece for span in spans for piece in evidence_in(article, *span)]
        answerable = bool(same[0]["answerable"] and evidence)
        if answerable or not same[0]["answerable"]:
            gold.append(_answerable(question, evidence) if answerable else _unanswerable(question))
    return _numbered("clapnq", list(articles.values()), gold)


def _passage(row: Any) -> str:
    return _folded(f"{row['context_before']} {row['positive']} {row['context_after']}")


def _cut(
    source: str,
    texts: Texts,
    chance: random.Random,
    *,
    each: int,
    questions: Questions,
    unanswerable: Questions,
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
        made.append(Trial(source, tuple(articles.values()), tuple(gold)))
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


def mostly_answerable(gold: Sequence[GoldQuestion]) -> list[GoldQuestion]:
    """The questions without so many of the unanswerable ones that these are more than `UNANSWERABLE`."""
    unanswerable = [question for question in gold if not question.answerable]
    most = int((len(gold) - len(unanswerable)) * UNANSWERABLE / (1 - UNANSWERABLE))
    left_out = random.Random(SEED).sample(unanswerable, max(0, len(unanswerable) - most))
    dropped = {question.id for question in left_out}
    return [question for question in gold if question.id not in dropped]


def open_trial(trial: Trial, encoder: Encoder, data: Path, reranking: Reranking | None = None) -> Assistant:
    """An assistant that answers from the trial's articles, indexed in `data`."""
    build(trial.articles, encoder, data)
    return Assistant(DataFolder(data).open(), encoder, reranking=reranking)


def join(parts: Sequence[Observed]) -> Observed:
    """The questions of several corpora in one."""
    columns = zip(*((part.values, part.right, part.answerable) for part in parts), strict=True)
    return Observed(parts[0].names, *(np.concatenate(column) for column in columns))


def source_folds(parts: Sequence[Observed], sources: Sequence[str]) -> Folds:
    """Each source held out once, as rows of the joined questions."""
    of = np.repeat(np.array(sources), [len(part.right) for part in parts])
    return [(np.flatnonzero(of != source), np.flatnonzero(of == source)) for source in dict.fromkeys(sources)]


def main() -> None:
    """Print what the fits on other sources give each source; write the calibration to a folder named."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m training.calibration_corpora", description=doc[0])
    parser.add_argument("data", type=Path, help="folder with squad, feedbackqa_uk, off_topic and train")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--reranker", default="")
    chosen = parser.parse_args()
    encoder, reranker = load_encoder(chosen.model, backend="auto"), load_reranker(chosen.reranker)
    reranking = Reranking(reranker, depth=Settings().depth) if reranker else None
    parts, sources = list[Observed](), list[str]()
    for trial in trials(chosen.data):
        with tempfile.TemporaryDirectory() as data:
            assistant = open_trial(trial, encoder, Path(data), reranking)
            parts.append(observe(assistant, mostly_answerable(trial.gold)))
        sources.append(trial.source)
    fitted = _fitted(parts, sources, (encoder, reranker))
    if chosen.out:
        name = fitted.models.rpartition("/")[2].lower().replace(" ", "-")
        write_calibration(chosen.out / f"{name}.json", fitted)


def _fitted(
    parts: Sequence[Observed], sources: Sequence[str], models: tuple[Encoder, Reranker | None]
) -> Calibration:
    """The calibration of the models; what it was judged by is printed."""
    observed, folds = join(parts), source_folds(parts, sources)
    held_out = hold_out(observed, Method.LOGISTIC, folds)
    fitted = calibration(
        observed,
        Method.LOGISTIC,
        strong_threshold(observed, held_out, Method.LOGISTIC),
        models=models,
        fitted_on=f"{len(observed.right):,} public questions in {len(parts)} small corpora",
    )
    print(fitted.models)
    weights = zip(fitted.facts, fitted.weights, strict=True)
    print(*(f"{name} {weight:.3f}" for name, weight in weights), f"constant {fitted.constant:.3f}")
    print(f"strong from {fitted.strong_from:.3f}")
    print("held out    questions  AUROC   ECE  answered (right)  strong (right)  none (of answerable)")
    of = np.repeat(np.array(sources), [len(part.right) for part in parts])
    rows = of[np.concatenate([test for _, test in folds])]
    for source in dict.fromkeys(sources):
        _print_source(source, held_out, rows == source, fitted)
    _print_source("all", held_out, rows != "", fitted)
    return fitted


def _print_source(name: str, held_out: HeldOut, rows: np.ndarray, fitted: Calibration) -> None:
    chances, right, answerable = held_out.chances[rows], held_out.right[rows], held_out.answerable[rows]
    costs = Costs()
    answered, strong = chances >= costs.answered_from, chances >= fitted.strong_from
    declined = chances < costs.unsure_from
    print(
        f"{name:10}  {len(right):9,}  {auroc(chances, answerable):.3f}"
        f"  {calibration_error(chances, right):.3f}"
        f"  {answered.mean():8.2f} ({right[answered].mean():.2f})"
        f"  {strong.mean():6.2f} ({right[strong].mean():.2f})"
        f"  {declined.mean():4.2f} ({declined[answerable == 1].mean():.2f})"
    )


if __name__ == "__main__":
    main()
