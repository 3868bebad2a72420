"""Finds the name, number, amount, date or contact in a marked answer that answers the question by itself.

Only where one alone may: the question asks for one kind, and the answer has one mention of it that is not in
the question. Else nothing: a wrong one in bold misleads more than a missing one.

    "When did it open?"  "The centre in Brighton opened in April 2006."  -> "April 2006"
    "Who chairs it?"     "Ann Lee chairs it, and Bob Hudson writes."     -> None
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from qa.answer import Band, Extract
from qa.mentions import Mention, MentionKind, mentions, question_mentions, same, unmatched
from qa.question_kind import AnswerKind, answer_kinds

_MENTIONED = {
    AnswerKind.WHO: MentionKind.NAME,
    AnswerKind.WHEN: MentionKind.DATE,
    AnswerKind.HOW_MANY: MentionKind.NUMBER,
    AnswerKind.HOW_MUCH: MentionKind.MONEY,
    AnswerKind.CONTACT: MentionKind.CONTACT,
}
# What an answer to these holds, whatever else it says.
_HELD = {
    AnswerKind.WHEN: {MentionKind.DATE},
    AnswerKind.HOW_MANY: {MentionKind.NUMBER, MentionKind.MONEY, MentionKind.DATE},
    AnswerKind.HOW_MUCH: {MentionKind.MONEY, MentionKind.NUMBER},
}
_SHARE = re.compile(r"\b(?:percent|per cent|percentage|proportion|share|fraction)", re.IGNORECASE)
# "Who is Ann Lee?" asks what she is, not for a name.
_DESCRIPTION = re.compile(r"\W*who(?:['’]s| is| was| are| were) ([^,?]{1,60}?)\s?\??", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:in|at|near|from)(?: the)? $", re.IGNORECASE)
_SAYING = (
    r"(?:said|says|told|wrote|writes|argued|argues|claimed|claims|stated|states|warned|warns|asked|added)\b"
)
_SAID_BEFORE, _SAID_AFTER = re.compile(rf"\b{_SAYING} $"), re.compile(rf"(?:, [^,.;]{{1,60}},)? {_SAYING}")
_WORD = re.compile(r"\w+")
_LOOK_BACK = 20
# Share of the first extract's score from which another one may contradict it.
_EQUALLY_GOOD = 0.6


def may_hold_answer(question: str, text: str, names: Container[str] = ()) -> bool:
    """Whether a text holds a date, number or amount if that alone is asked for; True for other questions.

    "When did it open?", "The centre opened after some delay." -> False
    """
    kinds = answer_kinds(question)
    expected = _HELD.get(kinds[0]) if len(kinds) == 1 else None
    return expected is None or any(mention.kind in expected for mention in mentions(text, names))


def key_mention(question: str, text: str, names: Container[str] = ()) -> Mention | None:
    """The mention of `text` that answers the question, or None; `names` as in `mentions`."""
    kinds = answer_kinds(question)
    kind = _MENTIONED.get(kinds[0])
    if len(kinds) > 1 or kind is None:
        return None
    words, asked = frozenset(_WORD.findall(question.lower())), question_mentions(question, names)
    described = _DESCRIPTION.fullmatch(question)
    if described and any((one.start, one.end) == described.span(1) for one in asked):
        return None
    values = {mention.value for mention in asked}
    candidates = [
        mention
        for mention in mentions(text, names)
        if mention.kind is kind
        and mention.value not in values
        and not words.issuperset(_WORD.findall(text[mention.start : mention.end].lower()))
    ]
    match kinds[0]:
        case AnswerKind.HOW_MANY:
            share = bool(_SHARE.search(question))
            candidates = [
                one for one in candidates if not one.value[-1].isalpha() and share == ("%" in one.value)
            ]
        case AnswerKind.WHO:
            people = [one for one in candidates if not _PLACE.search(text[: one.start][-_LOOK_BACK:])]
            # Without a verb of saying one name in four was of somebody who had to do with it.
            candidates = _speakers(text, people)
    return candidates[0] if len({one.value for one in candidates}) == 1 else None


def _speakers(text: str, people: Sequence[Mention]) -> list[Mention]:
    """Those beside a verb of saying."""
    return [
        one
        for one in people
        if _SAID_AFTER.match(text, one.end)
        or _SAID_BEFORE.search(text[max(0, one.start - _LOOK_BACK) : one.start])
    ]


def differing(
    question: str, extracts: Sequence[Extract], names: Container[str] = ()
) -> tuple[int, int] | None:
    """The ranks of the first extract and of one of another article with another key, or None.

    Two that are about different things contradict nothing: both must hold all names and numbers of the
    question, and the second must match it about as well. Two names contradict nothing either: a question
    about a person may have several answers.
    """
    subject = question_mentions(question, names)

    def key_on_subject(extract: Extract) -> Mention | None:
        """The key mention of an extract that holds all names and numbers of the question."""
        if extract.key is None or unmatched(subject, mentions(extract.text, names), extract.text):
            return None
        return key_mention(question, extract.answer_text, names)

    first = key_on_subject(extracts[0]) if extracts else None
    if first is None or first.kind is MentionKind.NAME:
        return None
    for extract in extracts[1:]:
        equal = extract.band is not Band.WEAK and extract.score >= _EQUALLY_GOOD * extracts[0].score
        if equal and extract.article.id != extracts[0].article.id:
            key = key_on_subject(extract)
            if key and not same(first, key):
                return extracts[0].rank, extract.rank
    return None
