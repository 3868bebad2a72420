"""From use to gold: answers that people got become lines of a gold file that an evaluator completes.

What was declined, or marked as not useful, becomes a question whose answer somebody has to look up:
`answerable` is null until then. What was marked as useful brings its marked answer along as evidence, to be
confirmed. `qa eval check` tells what is still to be filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.errors import GoldError
from eval.gold import ANSWERS
from eval.jsonl import numbered_objects
from index.search import fold

Line = dict[str, Any]
_CLOSEST_CHARACTERS = 160


def candidates(records: Iterable[Mapping[str, Any]], *, prefix: str = "use") -> Iterator[Line]:
    """Candidate gold lines for answers as `qa ask --json` prints them, each question once.

    A record may carry a person's verdict as "useful": true or false. Answers that were given and not judged
    say nothing and are left out.
    """
    seen: set[str] = set()
    for record in records:
        question = str(record.get("question") or "").strip()
        useful = record.get("useful")
        if not question or fold(question) in seen or (useful is None and not record.get("abstained")):
            continue
        seen.add(fold(question))
        yield {
            "id": f"{prefix}-{len(seen):03d}",
            "question": question,
            "type": "",
            **_completed(record, useful),
        }


def _completed(record: Mapping[str, Any], useful: object) -> Line:
    first = next(iter(record.get("extracts") or ()), None)
    if useful is True and first and first["answer"]["text"].strip():
        evidence = {"doc": first["source"], "quotes": [first["answer"]["text"]], "grade": ANSWERS}
        return {"answerable": True, "relevant": [evidence], "note": "marked useful: confirm the quote"}
    reason = "declined" if record.get("abstained") else "marked not useful"
    if useful is True:
        reason = "marked useful"
    closest = next(iter(record.get("nearest") or record.get("extracts") or ()), None)
    shown = (
        f"; shown: {closest['source']}: {closest['answer']['text'][:_CLOSEST_CHARACTERS]}" if closest else ""
    )
    return {
        "answerable": None,
        "relevant": [],
        "note": f"{reason}: look up whether the articles answer{shown}",
    }


def read_answers(path: Path) -> Iterator[Mapping[str, Any]]:
    """The answers in a file of JSON Lines. Raises GoldError."""
    for number, record in numbered_objects(path, advice="give what `qa ask --batch FILE --json` printed"):
        if not _is_answer(record):
            raise GoldError(path, "is not an answer as `qa ask --json` prints it", line=number)
        yield record


def _is_answer(record: Mapping[str, Any]) -> bool:
    listed = [record.get("extracts", []), record.get("nearest", [])]
    verdict = record.get("useful") in (None, True, False)
    return (
        verdict
        and isinstance(record.get("question"), str)
        and all(isinstance(extracts, list) and all(map(_is_extract, extracts)) for extracts in listed)
    )


def _is_extract(extract: object) -> bool:
    if not isinstance(extract, dict) or not isinstance(extract.get("answer"), dict):
        return False
    return isinstance(extract.get("source"), str) and isinstance(extract["answer"].get("text"), str)
