"""Fits the confidence of `qa.confidence` on public questions whose answers are known to be there, or not.

    python -m eval.calibration ../shared/data

Small corpora are cut from two public sets, so that they look like the folders people index: a few articles
of an encyclopaedia, some pages of a government's site. Each is asked questions that it answers, near
misses written to have no answer, questions of other articles, and small talk; some of them again without
their small words, as people type in haste; and names that stand in it or only elsewhere, as people use a
search box. The gold questions of this project take no part. What is printed goes into `qa.confidence` by
hand.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.build import build
from index.encoder import Encoder, load_encoder
from index.search import FUNCTION_TERMS
from index.store import open_current
from qa.assistant import Assistant
from qa.confidence import facts

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
# Keeps a fact that seldom varies from getting an extreme weight.
_RIDGE = 1e-2

# One to three capitalised words that do not begin a sentence.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?: [A-Z][a-z]+){0,2}")

Floats = NDArray[np.float64]
# By name of an article: its paragraphs, or the questions asked of it.
Texts = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A small corpus and the questions put to it: (text, whether the corpus answers it)."""

    articles: tuple[Article, ...]
    questions: tuple[tuple[str, bool], ...]


def trials(folder: Path) -> Iterator[Trial]:
    """Small corpora from the public sets below `folder` (`squad`, `feedbackqa_uk`, `off_topic`)."""
    chance = random.Random(SEED)
    small_talk = [str(row["text"]) for row in _rows(folder / "off_topic/queries.jsonl")]
    made = [*_encyclopaedia(folder / "squad", chance), *_government(folder / "feedbackqa_uk", chance)]
    for trial, other in zip(made, [*made[1:], made[0]], strict=True):
        chatter = [(text, False) for text in chance.sample(small_talk, SMALL_TALK)]
        hasty = [(_in_haste(text), done) for text, done in chance.sample(trial.questions, HASTY)]
        yield Trial(trial.articles, (*trial.questions, *chatter, *hasty, *_names(trial, other, chance)))


def _in_haste(question: str) -> str:
    """A question without its small words and capitals: "When did OPEC begin?" -> "opec begin"."""
    words = re.findall(r"[\w'’.-]*\w", question.lower())
    return " ".join(word for word in words if word not in FUNCTION_TERMS) or question


def _names(trial: Trial, other: Trial, chance: random.Random) -> list[tuple[str, bool]]:
    """Names as keywords: some that stand in the corpus, and some that stand only in another one."""
    text = " ".join(article.text for article in trial.articles).lower()
    foreign = [name for name in _names_in(other) if name.lower() not in text]
    present = chance.sample(_names_in(trial), NAMES)
    return [(name, True) for name in present] + [
        (name, False) for name in chance.sample(foreign, FOREIGN_NAMES)
    ]


def _names_in(trial: Trial) -> list[str]:
    return sorted({name for article in trial.articles for name in _NAME.findall(article.text)})


def _encyclopaedia(folder: Path, chance: random.Random) -> list[Trial]:
    texts: Texts = {}
    for row in _rows(folder / "corpus.jsonl"):
        texts.setdefault(row["_id"].rsplit("#", 1)[0], []).append(row["text"])
    asked = _by_article(folder / "queries.jsonl")
    unanswerable = _by_article(folder / "unanswerable.jsonl")
    return _cut(texts, chance, each=ARTICLES_EACH, asked=asked, unanswerable=unanswerable)


def _government(folder: Path, chance: random.Random) -> list[Trial]:
    pages = _rows(folder / "corpus.jsonl")
    texts = {page["_id"]: [page["title"], *page["text"].split("\n")] for page in pages}
    queries = {row["_id"]: row["text"] for row in _rows(folder / "queries_train.jsonl")}
    asked: Texts = {}
    for line in (folder / "qrels/train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, page, _ = line.split("\t")
        asked.setdefault(page, []).append(queries[query])
    return _cut(texts, chance, each=PAGES_EACH, asked=asked, unanswerable={})


def _cut(texts: Texts, chance: random.Random, *, each: int, asked: Texts, unanswerable: Texts) -> list[Trial]:
    """Corpora of `each` articles; what is foreign to all of them is asked of articles that are in none."""
    names = sorted(texts)
    chance.shuffle(names)
    others = names[CORPORA * each :]
    made = []
    for start in range(0, CORPORA * each, each):
        chosen = names[start : start + each]
        questions = [
            *_sample(chance, asked, chosen, QUESTIONS, answered=True),
            *_sample(chance, unanswerable, chosen, NEAR_MISSES, answered=False),
            *_sample(chance, asked, others, FOREIGN, answered=False),
        ]
        made.append(Trial(tuple(_article(name, texts[name]) for name in chosen), tuple(questions)))
    return made


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _by_article(path: Path) -> Texts:
    texts: Texts = {}
    for row in _rows(path):
        texts.setdefault(row["metadata"]["article"], []).append(row["text"])
    return texts


def _sample(
    chance: random.Random, asked: Texts, names: Sequence[str], count: int, *, answered: bool
) -> list[tuple[str, bool]]:
    texts = [text for name in names for text in asked.get(name, ())]
    return [(text, answered) for text in chance.sample(texts, min(count, len(texts)))]


def _article(name: str, paragraphs: Sequence[str]) -> Article:
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Article(name, "", text, name, "", "", "", "", digest)


def observe(trial: Trial, encoder: Encoder) -> tuple[Floats, Floats]:
    """Facts of the first hit of each question, shape (questions, facts), and whether it is answered."""
    with tempfile.TemporaryDirectory() as data:
        build(trial.articles, encoder, Path(data))
        assistant = Assistant(open_current(Path(data)), encoder)
        rows, answered = [], []
        for question, answer in trial.questions:
            hits = assistant.search(question, 1)
            if hits:
                rows.append(facts(hits[0]))
                answered.append(float(answer))
    return np.array(rows), np.array(answered)


def fit(rows: Floats, answered: Floats) -> Floats:
    """Weights of a logistic regression, one for each column of `rows` and the constant last.

    Newton's method on the log-likelihood with a small ridge penalty.
    """
    columns = np.column_stack([rows, np.ones(len(rows))])
    weights = np.zeros(columns.shape[1])
    penalty = _RIDGE * np.eye(len(weights))
    for _ in range(50):
        chance = 1 / (1 + np.exp(-columns @ weights))
        gradient = columns.T @ (answered - chance) - penalty @ weights
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + penalty
        weights += np.linalg.solve(curvature, gradient)
    return np.asarray(weights)


def auroc(scores: Floats, answered: Floats) -> float:
    """Chance that an answered question scores above one that is not; ties count half."""
    above = scores[answered == 1][:, None] - scores[answered == 0][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def cross_validate(observed: Sequence[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    """For each corpus the chances that weights fitted on the others give it, and what was answered."""
    held_out = []
    for place, (rows, answered) in enumerate(observed):
        weights = _fit_all([pair for other, pair in enumerate(observed) if other != place])
        chances = 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))
        held_out.append((chances, answered))
    return held_out


def _fit_all(observed: Sequence[tuple[Floats, Floats]]) -> Floats:
    return fit(np.concatenate([rows for rows, _ in observed]), np.concatenate([done for _, done in observed]))


def main() -> None:
    """Print the weights, and on corpora left out of the fit the AUROC and what each threshold withholds."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m eval.calibration FOLDER (with squad, feedbackqa_uk and off_topic in it)")
    encoder = load_encoder()
    observed = [observe(trial, encoder) for trial in trials(Path(sys.argv[1]))]
    held_out = cross_validate(observed)
    print("weights", " ".join(f"{weight:.3f}" for weight in _fit_all(observed)))
    print("AUROC on each corpus left out", " ".join(f"{auroc(*pair):.3f}" for pair in held_out))
    chances = np.concatenate([pair[0] for pair in held_out])
    answered = np.concatenate([pair[1] for pair in held_out]) == 1
    print("threshold  answered withheld  unanswerable withheld  answered from here on")
    for threshold in np.arange(0.2, 0.85, 0.05):
        low = chances < threshold
        shares = low[answered].mean(), low[~answered].mean(), answered[~low].mean()
        print(f"{threshold:9.2f}  {shares[0]:17.3f}  {shares[1]:21.3f}  {shares[2]:21.3f}")


if __name__ == "__main__":
    main()
