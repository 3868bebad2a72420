"""Lines that belong to a web site and not to the author of the article on it.

Two kinds of evidence: wording that sites share (calls to sign in, share, subscribe, comment), and
position. Nothing is dropped from the middle of an article but an advertisement's own label. Slogans
have no shared wording, so they go only together with wording that has: in front of a call at the top,
behind one at the bottom.
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
# A site's menu. An author's title or sub-heading may read the same ("Contact us"), so these count only
# above a call, never by themselves.
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

# What an author may write below the site's first footer line: notes, addresses, who they are.
_AUTHORS_OWN = re.compile(
    r"""^(?:\(\w{1,3}\)|\[\w{1,3}\]|[·•*†‡]|\d{1,2}[.)]?\s|notes?\b|sources?\b|further\s+(?:information|reading))
    |[^\s@]{1,64}@\S{1,200}\.\w|\d[\d ]{6,}\d
|^[A-Z][\w’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\s+(?:is|are|was|works|teaches|writes)\s""",
    re.VERBOSE,
)
# Links to other stories can be a whole headline long; an author's closing paragraph is longer.
_FOOTER_WORDS = 20
# So many words with a full stop are a sentence of somebody's; a site's speaks to "you".
_SENTENCE_WORDS = 6
_TO_THE_READER = re.compile(r"\b(?:you|your|us|our)\b", re.IGNORECASE)
_CALL_CHARACTERS = 150
# A slogan is shorter, and stands above the headline.
_SLOGAN_WORDS = 12
# How far down the calls at the top of a page may reach, in blocks.
_HEADER_BLOCKS = 15


def is_boilerplate(line: str) -> bool:
    """Whether a whole line is wording that web sites share and authors do not write."""
    return len(line) <= _CALL_CHARACTERS and bool(_CALL.fullmatch(" ".join(line.split())))


def trim(blocks: Sequence[Block]) -> tuple[list[Block], list[Dropped]]:
    """Blocks without the site's lines at the top, at the bottom and between, and what was dropped."""
    header = _header(blocks)
    bottom = _footer(blocks)
    kept: list[Block] = []
    dropped: list[Dropped] = []
    for place, block in enumerate(blocks):
        reason = _reason(place, block.text, header=header, bottom=bottom)
        if reason:
            dropped.append(Dropped(block.text, reason))
        else:
            kept.append(block)
    return kept, dropped


def _reason(place: int, text: str, *, header: set[int], bottom: int) -> str:
    if _INTERRUPTION.fullmatch(text[:_CALL_CHARACTERS]):
        return "advertisement label"
    if place in header:
        return "site header"
    if place >= bottom and not _AUTHORS_OWN.search(text):
        return "site footer"
    return ""


def _header(blocks: Sequence[Block]) -> set[int]:
    """Places of the calls above the article's first paragraph, and of what belongs to them.

    Menu labels go with a call wherever it is, slogans only above everything that stays: below a headline
    a short sentence is the article's first.
    """
    first = next((p for p, b in enumerate(blocks) if len(b.text.split()) > _FOOTER_WORDS), len(blocks))
    top = range(min(first, _HEADER_BLOCKS))
    calls = {place for place in top if is_boilerplate(blocks[place].text)}
    last = max(calls, default=-1)
    header: set[int] = set(calls)
    for place in range(last):
        text = blocks[place].text
        above_all = all(other in header for other in range(place))
        if _MENU_LABEL.fullmatch(text) or (above_all and _slogan(text)):
            header.add(place)
    return header


def _slogan(text: str) -> bool:
    """A short sentence above a call: headlines have no full stop, slogans have."""
    return text.endswith((".", "!")) and len(text.split()) <= _SLOGAN_WORDS


def _footer(blocks: Sequence[Block]) -> int:
    """Place of the call from which on there are only calls, headlines of other stories and slogans."""
    bottom = len(blocks)
    for place in range(len(blocks) - 1, -1, -1):
        text = blocks[place].text
        if is_boilerplate(text):
            bottom = place
        elif len(text.split()) > _FOOTER_WORDS or _sentence(text, below=bottom < len(blocks)):
            break
    return bottom


def _sentence(text: str, *, below: bool) -> bool:
    """Whether a block says something to anybody but the visitor; `below` says that a call stands below it."""
    said = text.endswith((".", "!", "?", ".”", '."')) and len(text.split()) >= _SENTENCE_WORDS
    return said and not _AUTHORS_OWN.search(text) and not (below and _TO_THE_READER.search(text))
