"""Drops the lines of a web site from the text of an article on it.

Two kinds of evidence: wording that sites share (calls to sign in, share, subscribe, comment), and position.
From the middle of an article only advertisement labels are dropped. Slogans share no wording, so they are
dropped only above a call at the top, or below one at the bottom.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.article import Dropped
from corpus.draft import Block

# A call to action or a label of a site, as a whole line, without regard to case.
_CALLS = r"""
comments?(?:\s+are(?:\s+now)?\s+closed|\s*\(\d+\)|\s+off)|\d+\s+comments?
|(?:leave|post|add)\s+a\s+(?:comment|reply)
|view\s+(?:all\s+)?comments|join\s+the\s+(?:conversation|discussion)
|more\s+from\s+[\w’'&.\- ]{2,60}|more\s+(?:on\s+this(?:\s+story)?|stories|like\s+this|articles|news)
|related\s+(?:stories|articles|content|topics|links|posts|news|items):?
|you\s+(?:may|might)\s+(?:also\s+(?:like|enjoy)|be\s+interested\s+in):?
|recommended\s+(?:for\s+you|stories|reading|articles)
|(?:most|top)\s+(?:read|viewed|popular|shared|stories|commented)
  (?:\s+(?:today|now|this\s+\w+|on\s+[\w ]{2,30}))?
|trending(?:\s+now)?|(?:our|editor[’']?s)\s+picks?|latest\s+(?:news|stories)
|read\s+(?:more|next|also)(?:\s*:.{0,80})?|continue\s+reading(?:\s+the\s+main\s+story)?
|start\s+reading|keep\s+reading
|sign\s+in(?:\s+(?:here|now|to\s+(?:read|continue|view|comment|your\s+account)\b.{0,40}))?
|sign\s+up
  (?:\s+(?:now|here|to\s+(?:read|receive|our|continue|view)\b.{0,50}|for\s+(?:our|the)\s+(?:\w+\s+)?newsletter.{0,20}))?
|log\s+in(?:\s+or\s+(?:register|sign\s+up|join|subscribe))?
|already\s+a\s+(?:member|subscriber|customer)\?(?:\s+(?:sign|log)\s+in(?:\s+(?:here|now))?)?
|subscribe(?:\s+(?:now|today|here|(?:to|for)\s+(?:our|the|unlimited|full|free)\b.{0,40}))?
|become\s+a\s+(?:member|subscriber|supporter)|start\s+(?:your|a)\s+free\s+trial(?:\s+(?:today|now))?
|get\s+(?:all\s+)?(?:your|the|our)\s+(?:\w+\s+)?(?:news|app|newsletter)
  (?:\s+(?:in\s+one\s+place|by\s+e?-?mail|daily|free|now))?
|download\s+(?:the|our)\s+app(?:\s+(?:now|today|for\s+\w+))?
|follow\s+us(?:\s+on\s+.{2,40})?
|share\s+(?:this(?:\s+(?:article|page|post|story|with\s+\w+|on\s+\w+))?|(?:on|via)\s+[\w ]{2,20})
|tweet(?:\s+this)?|(?:email|print|save|bookmark)\s+this(?:\s+(?:article|page|post|story))?|copy\s+link
|back\s+to\s+top|skip\s+to\s+(?:main\s+)?(?:content|navigation)
|(?:facebook|twitter|linkedin|whatsapp|pinterest|instagram|reddit)
  (?:[\s,|/]+(?:facebook|twitter|x|linkedin|whatsapp|pinterest|instagram|reddit|email))*
|(?:we|this\s+(?:web\s?)?site)\s+uses?\s+cookies(?:\s+(?:to|for)\s.{2,80})?
|(?:accept|reject|manage)\s+(?:all\s+)?cookies
|(?:©|\(c\)|copyright(?:\s+©)?)\s*\d{4}.{0,80}|©\s.{2,60}|all\s+rights\s+reserved
"""
# Menu labels. A title or sub-heading may read the same ("Contact us"), so these count only above a call.
_MENU = r"""(?:main\s+)?menu|search|home|news|(?:contact|about)\s+us|help|print|email|comments?|share
|newsletters?
|privacy(?:\s+(?:policy|notice))?|cookies?(?:\s+(?:policy|settings|notice))?
|terms\s+(?:of\s+use|and\s+conditions)|site\s?map
|accessibility(?:\s+statement)?|(?:previous|next)\s+(?:article|post|story|page)"""
_INTERRUPTIONS = r"""advertise?ments?|advertising|sponsored(?:\s+(?:content|by\s+[\w&’' ]{1,40}))?
|(?:article|story)\s+continues\s+(?:below|after\s+\w+)|scroll\s+to\s+continue(?:\s+\w+){0,3}"""
_FLAGS = re.IGNORECASE | re.VERBOSE
_CALL = re.compile(rf"(?:{_CALLS}|{_INTERRUPTIONS})[.!:…»>→]?", _FLAGS)
_MENU_LABEL = re.compile(_MENU, _FLAGS)
_INTERRUPTION = re.compile(rf"(?:{_INTERRUPTIONS}):?", _FLAGS)

# What an author may write below the site's first footer line: notes, addresses, a biography.
_AUTHORS_OWN = re.compile(
    r"""^(?:\(\w{1,3}\)|\[\w{1,3}\]|[·•*†‡]|\d{1,2}[.)]?\s|notes?\b|sources?\b|further\s+(?:information|reading))
    |[^\s@]{1,64}@\S{1,200}\.\w|\d[\d ]{6,}\d
|^[A-Z][\w’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\s+(?:is|are|was|works|teaches|writes)\s""",
    re.VERBOSE,
)
# Links to other stories are as long as a headline; an author's closing paragraph is longer.
_FOOTER_WORDS = 20
# From this length a line with a full stop is a sentence; a site's sentence addresses "you".
_SENTENCE_WORDS = 6
_TO_THE_READER = re.compile(r"\b(?:you|your|us|our)\b", re.IGNORECASE)
_CALL_CHARACTERS = 150
_SLOGAN_WORDS = 12
# Calls at the top of a page are looked for in this many blocks.
_HEADER_BLOCKS = 15


def is_boilerplate(line: str) -> bool:
    """Whether a whole line is wording of web sites that authors do not write."""
    return len(line) <= _CALL_CHARACTERS and bool(_CALL.fullmatch(" ".join(line.split())))


def trim(blocks: Sequence[Block]) -> tuple[list[Block], list[Dropped]]:
    """The blocks without the site's lines, and the dropped lines."""
    header, bottom = _header(blocks), _footer(blocks)
    remaining: list[Block] = []
    dropped: list[Dropped] = []
    for position, block in enumerate(blocks):
        if _INTERRUPTION.fullmatch(block.text[:_CALL_CHARACTERS]):
            dropped.append(Dropped(block.text, "advertisement label"))
        elif position in header:
            dropped.append(Dropped(block.text, "site header"))
        elif position >= bottom and not _AUTHORS_OWN.search(block.text):
            dropped.append(Dropped(block.text, "site footer"))
        else:
            remaining.append(block)
    return remaining, dropped


def _header(blocks: Sequence[Block]) -> set[int]:
    """Positions of the calls above the first paragraph, and of the menu labels and slogans above them.

    Slogans count only above everything that stays: below a headline a short sentence opens the article.
    """
    first = next((p for p, b in enumerate(blocks) if len(b.text.split()) > _FOOTER_WORDS), len(blocks))
    top = range(min(first, _HEADER_BLOCKS))
    calls = {position for position in top if is_boilerplate(blocks[position].text)}
    last = max(calls, default=-1)
    header: set[int] = set(calls)
    for position in range(last):
        text = blocks[position].text
        above_all = all(other in header for other in range(position))
        # Headlines have no full stop, slogans have.
        slogan = above_all and text.endswith((".", "!")) and len(text.split()) <= _SLOGAN_WORDS
        if slogan or _MENU_LABEL.fullmatch(text):
            header.add(position)
    return header


def _footer(blocks: Sequence[Block]) -> int:
    """Position of the call below which there are only calls, headlines of other stories and slogans."""
    bottom = len(blocks)
    for position in range(len(blocks) - 1, -1, -1):
        text = blocks[position].text
        if is_boilerplate(text):
            bottom = position
        elif len(text.split()) > _FOOTER_WORDS or _sentence(text, below=bottom < len(blocks)):
            break
    return bottom


def _sentence(text: str, *, below: bool) -> bool:
    """Whether a block is a sentence of the article; `below`: a call to the reader follows it."""
    complete = text.endswith((".", "!", "?", ".”", '."')) and len(text.split()) >= _SENTENCE_WORDS
    return complete and not _AUTHORS_OWN.search(text) and not (below and _TO_THE_READER.search(text))
