"""Says what kind of answer a question asks for: a person, a date, a number, a reason.

Rules on the question words and the nouns behind them; works on terse and lower-case input:

    "Who chairs the network?"                 -> WHO
    "pathfinder grant how much"               -> HOW_MUCH
    "brighton opening how many centers n when" -> HOW_MANY, WHEN
    "In which year did it open?"              -> WHEN
    "Did the trusts merge?"                   -> YES_NO
    "pooled budgets"                          -> KEYWORD
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerKind(StrEnum):
    """What a question asks for; HOW_MANY is also an age, share or duration, KEYWORD no question word."""

    WHO = "who"
    WHEN = "when"
    WHERE = "where"
    HOW_MANY = "how_many"
    HOW_MUCH = "how_much"
    CONTACT = "contact"
    WHY = "why"
    HOW = "how"
    YES_NO = "yes_no"
    WHICH = "which"
    KEYWORD = "keyword"


_AUXILIARIES = (
    "is are was were am be do does did can could will would shall should has have had must may might"
    " isn't aren't wasn't weren't don't doesn't didn't can't won't"
)
_NOUNS = {
    AnswerKind.WHEN: "year years date dates month day decade century era season",
    AnswerKind.WHERE: "city cities town towns village country countries county place location region state"
    " continent province district borough street venue",
    AnswerKind.WHO: "person people man woman author writer minister president director leader king queen"
    " actor actress player professor doctor singer scientist politician",
    AnswerKind.HOW_MANY: "percentage percent proportion number age fraction population total share",
    AnswerKind.HOW_MUCH: "price cost salary budget amount fee sum",
    AnswerKind.WHY: "reason reasons",
}
_KIND_OF_NOUN = {noun: kind for kind, nouns in _NOUNS.items() for noun in nouns.split()}
_CONTACT = "e-?mail|phone|telephone|fax|contact details|phone number|telephone number|web ?site|web address"
# A question word with what decides its kind; the typing errors are those that no correction of names finds.
_CUE = re.compile(
    r"\b(?:"
    r"(?P<how_many>h[o0]?w (?:many|mny|manny|old|often|long|far|big|large|tall|high|deep|fast|wide|heavy))"
    r"|(?P<how_much>h[o0]?w (?:much|mch|expensive)(?! (?:time|longer|older|more|of)\b))"
    r"|(?P<why>why|how come|y is|wy|for what reasons?|what for)"
    r"|(?P<when>when(?:'?s)?|wen|whn|how soon|since when)"
    r"|(?P<where>where(?:'?s|abouts)?|wher|were abouts)"
    r"|(?P<who>who(?:'s|s|m|se)?|hwo)"
    r"|(?P<how>how(?:'s)?|hw)"
    r"|(?P<noun>(?:what(?:'?s)?|wat|wot|wht|which|whch)(?: (?:is|was|are|were))?"
    r"(?: (?:the|an?|their|his|her|its))?"
    r"(?: (?:total|average|exact|annual|overall|current|first|main))? (?P<head>\w+))"
    r"|(?P<which>what(?:'?s)?|wat|wot|wht|which|whch)"
    r"|(?P<count>(?:number|percentage|proportion) of)"
    rf"|(?P<contact>{_CONTACT})"
    r")(?![\w'])"
)
# What may stand before the first question word: "in which", "tell me who", "and when".
_OPENING = re.compile(
    r"^(?:(?:in|on|at|by|to|from|for|of|with|since|until|about|and|so|but|or|tell|me|us|please|"
    r"say|show|find|out|know|do|you|can|to)[ ,]+){0,5}$"
)
_JOINED = re.compile(r"(?:,|&|/|;|\?|\band|\bor|\bn|\+)\s*$")
_INVERTED = re.compile(r"\s+(?:did|do|does|will|was|were|is|are|has|had|can)\b")
_END = re.compile(r"[\s?!.]*$")
# A word that is also a conjunction or a relative pronoun is a question word only in certain places.
_CONJUNCTIONS = frozenset(
    {AnswerKind.WHEN, AnswerKind.WHERE, AnswerKind.WHO, AnswerKind.HOW, AnswerKind.WHICH}
)
_YES_NO = re.compile(rf"(?:and |so |but )?(?:{'|'.join(_AUXILIARIES.split())})(?![\w'])")
_REQUEST = re.compile(r"(?:do|can|could|would|will) you (?:please )?(?:know|tell|say|show|find)\b")


def answer_kinds(question: str) -> tuple[AnswerKind, ...]:
    """The kinds that the question asks for, each once, in its order; never empty.

    The first question word counts, and others that are joined to it ("who and when") or end the question.
    """
    text = " ".join(question.replace("’", "'").lower().split()).strip("?!. \"'")
    if _YES_NO.match(text) and not _REQUEST.match(text):
        return (AnswerKind.YES_NO,)
    kinds: dict[AnswerKind, None] = {}
    for cue in _CUE.finditer(text):
        kind = _kind(cue)
        if kind is AnswerKind.CONTACT and kinds.keys() <= {AnswerKind.WHICH}:  # "what is his email"
            return (kind,)
        if not kinds or _JOINED.search(text[: cue.start()]) or _END.match(text, cue.end()):
            if kind in _CONJUNCTIONS and not _asks(text, cue, kind):
                continue
            kinds[kind] = None
    return tuple(kinds) or (AnswerKind.KEYWORD,)


def _kind(cue: re.Match[str]) -> AnswerKind:
    group = cue.lastgroup
    if group in ("noun", "head"):
        return _KIND_OF_NOUN.get(cue["head"], AnswerKind.WHICH)
    return AnswerKind.HOW_MANY if group == "count" else AnswerKind(str(group))


def _asks(text: str, cue: re.Match[str], kind: AnswerKind) -> bool:
    """Whether the word opens or ends the question, is joined to another, or inverts the verb behind it."""
    before = text[: cue.start()]
    if _OPENING.match(before) or _JOINED.search(before) or _END.match(text, cue.end()):
        return True
    if kind is AnswerKind.WHICH:
        return True
    return kind is not AnswerKind.WHO and bool(_INVERTED.match(text, cue.end()))
