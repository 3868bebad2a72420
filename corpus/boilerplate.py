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
|(?:leave|post|add)\s+a\s+(?:comment|reply).*|view\s+(?:all\s+)?comments.*
|join\s+the\s+(?:conversation|discussion).*
|more\s+from\s+[\w’'&.\- ]{2,60}|more\s+(?:on\s+this\b.*|stories|like\s+this|articles|news)
|related\s+(?:stories|articles|content|topics|links|posts|news|items):?
|you\s+(?:may|might)\s+(?:also\s+)?(?:like|be\s+interested).*
|recommended\s+(?:for\s+you|stories|reading|articles)
|(?:most|top)\s+(?:read|viewed|popular|shared|stories|commented).*|trending(?:\s+now)?
|(?:our|editor[’']?s)\s+picks?
|latest\s+(?:news|stories)|read\s+(?:more|next|also)(?:\s*:.*)?|continue\s+reading.*|start\s+reading
|keep\s+reading
|sign\s+in(?:\s+(?:here|now|to\s+.*))?
|sign\s+up(?:\s+(?:now|here|to\s+(?:read|receive|get|our|continue|view)\b.*|for\s+(?:our|free|the)\b.*))?
|log\s+in(?:\s+or\s+.*)?|already\s+a\s+(?:member|subscriber|customer).*
|subscribe(?:\s+(?:now|today|here|to\s+.*|for\s+.*))?
|become\s+a\s+(?:member|subscriber|supporter)|start\s+(?:your|a)\s+free\s+trial.*|support\s+us
|get\s+(?:all\s+)?(?:your|the|our)\s+(?:\w+\s+)?(?:news|app|newsletter)\b.*|download\s+(?:the|our)\s+app.*
|follow\s+us(?:\s+on\s+.*)?|share(?:\s+(?:this|on|via)\b.{0,40})?|tweet(?:\s+this)?
|(?:email|print|save|bookmark)\s+this(?:\s+\w+)?|copy\s+link|back\s+to\s+top.*
|skip\s+to\s+(?:main\s+)?(?:content|navigation)
|(?:facebook|twitter|linkedin|whatsapp|pinterest|instagram|reddit)
  (?:[\s,|/]+(?:facebook|twitter|x|linkedin|whatsapp|pinterest|instagram|reddit|email))*
|(?:we|this\s+(?:web\s?)?site)\s+uses?\s+cookies.*|(?:accept|reject|manage)\s+(?:all\s+)?cookies
|(?:©|copyright\b|\(c\)\s)[^.]{0,80}(?:\.\s*all\s+rights\s+reserved.*)?|all\s+rights\s+reserved.*
"""
# A site's menu. An author's title or sub-heading may read the same ("Contact us"), so these count only
# above a call, never by themselves.
_MENU = r"""(?:main\s+)?menu|search|home|news|(?:contact|about)\s+us|help|print|email|comments?|share
|newsletters?
|privacy(?:\s+(?:policy|notice))?|cookies?(?:\s+(?:policy|settings|notice))?
|terms\s+(?:of\s+use|and\s+conditions)|site\s?map
|accessibility(?:\s+statement)?|(?:previous|next)\s+(?:article|post|story|page)"""
_INTERRUPTIONS = r"""advertise?ments?|advertising|sponsored(?:\s+(?:content|by\s.*))?
|(?:article|story)\s+continues\s+(?:below|after).*|scroll\s+to\s+continue.*"""
_FLAGS = re.IGNORECASE | re.VERBOSE
_CALL = re.compile(rf"(?:{_CALLS}|{_INTERRUPTIONS})[.!:…»>→]?", _FLAGS)
_MENU_LABEL = re.compile(_MENU, _FLAGS)
_INTERRUPTION = re.compile(rf"(?:{_INTERRUPTIONS})[.!:]?", _FLAGS)

# What an author may write below the site's first footer line: notes, addresses, who they are.
_AUTHORS_OWN = re.compile(
    r"""^(?:\(\w{1,3}\)|\[\w{1,3}\]|[·•*†‡]|\d{1,2}[.)]?\s|notes?\b|sources?\b|further\s+(?:information|reading))
    |\S+@\S+\.\w+|\d[\d ]{6,}\d
|^[A-Z][\w’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\s+(?:is|are|was|works|teaches|writes)\s""",
    re.VERBOSE,
)
# Links to other stories can be a whole headline long; an author's closing paragraph is longer.
_FOOTER_WORDS = 20
_SLOGAN_WORDS = 12
# How far down the calls at the top of a page may reach, in blocks.
_HEADER_BLOCKS = 15


def is_boilerplate(line: str) -> bool:
    """Whether a whole line is wording that web sites share and authors do not write."""
    return bool(_CALL.fullmatch(" ".join(line.split())))


def trim(blocks: Sequence[Block]) -> tuple[list[Block], list[Dropped]]:
    """Blocks without the site's lines at the top, at the bottom and between, and what was dropped."""
    top = _header(blocks)
    bottom = _footer(blocks)
    kept: list[Block] = []
    dropped: list[Dropped] = []
    for place, block in enumerate(blocks):
        reason = _reason(place, block.text, top=top, bottom=bottom)
        if reason:
            dropped.append(Dropped(block.text, reason))
        else:
            kept.append(block)
    return kept, dropped


def _reason(place: int, text: str, *, top: int, bottom: int) -> str:
    if _INTERRUPTION.fullmatch(text):
        return "advertisement label"
    if place < top and (is_boilerplate(text) or _MENU_LABEL.fullmatch(text) or _slogan(text)):
        return "site header"
    if place >= bottom and not _AUTHORS_OWN.search(text):
        return "site footer"
    return ""


def _slogan(text: str) -> bool:
    """A short sentence above a call: headlines have no full stop, slogans have."""
    return text.endswith((".", "!")) and len(text.split()) <= _SLOGAN_WORDS


def _header(blocks: Sequence[Block]) -> int:
    """Number of blocks from the top down to the last call before the article's first paragraph."""
    top = 0
    for place, block in enumerate(blocks[:_HEADER_BLOCKS]):
        if is_boilerplate(block.text):
            top = place + 1
        elif len(block.text.split()) > _FOOTER_WORDS:
            break
    return top


def _footer(blocks: Sequence[Block]) -> int:
    """Place of the first call from which on no block is as long as a paragraph."""
    bottom = len(blocks)
    for place in range(len(blocks) - 1, -1, -1):
        if len(blocks[place].text.split()) > _FOOTER_WORDS:
            break
        if is_boilerplate(blocks[place].text):
            bottom = place
    return bottom
