"""Parses a typed question: what is shown, what is searched, quoted phrases.

Two spellings of one question give one `searched` text, so that no score can depend on how it was typed:

    "Could you tell me, who paid for the ‘ICN’ – please?" -> "who paid for the 'icn'"
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from corpus.normalise import fold
from qa.errors import EmptyQuestion, LongQuestion

# A tokenizer reads the whole text before it truncates: ten million characters took over ten seconds.
MAX_CHARACTERS = 2_000

# A quotation mark after a letter or digit opens no phrase: 5" is a length.
_QUOTED = re.compile(r'(?<!\w)"([^"]*)"(?!\w)')

# Unlike a hyphen or the en dash of "2003–04", it separates two words.
_EM_DASH = re.compile("[—―]|-{2,}")
_PLEASE = "(?:please|pls|kindly)"
_SOMEONE = "(?:any|some)(?:one|body)"
_POLITE_START = re.compile(
    rf"""
    \A
    (?: (?: {_PLEASE}
          | (?:(?:can|could|will|would)\ (?:you|{_SOMEONE})\ (?:{_PLEASE}\ )?)?tell\ (?:me|us)
          | would\ you\ mind\ telling\ (?:me|us)
          | (?:can|could|may|might)\ (?:i|we)\ (?:{_PLEASE}\ )?(?:ask|know)
          | (?:i|we)(?:'?d|\ would)?\ (?:like|love|want|need|wish)\ to\ (?:ask|find\ out|know)
          | (?:i|we)\ (?:(?:am|are|was|were)\ wondering|wonder)
          | (?:do\ you(?:\ happen\ to)?|does\ {_SOMEONE})\ know
        )[,:]?\ (?:-\ )?
    )+
    """,
    re.VERBOSE,
)
# In "give thanks" and "a vote of thanks" the word is what the question is about.
_POLITE_END = re.compile(
    r"""
    (?<!\bgive)(?<!\bgives)(?<!\bgave)(?<!\bgiven)(?<!\bgiving)(?<!\bsay)(?<!\bsays)(?<!\bsaid)(?<!\bof)
    (?: [\ ,;:.!?-]+ (?: please | pls | (?:many\ )?thanks | thank\ you )
        (?:\ (?:a\ lot|again|in\ advance|so\ much|very\ much))*
    )+ $
    """,
    re.VERBOSE,
)
_FINAL_PUNCTUATION = " ,;:.!?-"


@dataclass(frozen=True, slots=True)
class Question:
    """A question in NFC without control characters, as it is searched, and its phrases in double quotes.

    `searched` is folded (no case, straight quotes, plain dashes) and has neither words of politeness nor
    final punctuation; the phrases occur in it.
    """

    text: str
    searched: str = ""
    phrases: tuple[str, ...] = ()


def read_question(raw: str) -> Question:
    """The question in `raw`. Raises EmptyQuestion, and LongQuestion beyond MAX_CHARACTERS."""
    if len(raw) > MAX_CHARACTERS:
        raise LongQuestion(len(raw), MAX_CHARACTERS)
    composed = unicodedata.normalize("NFC", raw)
    # Control characters and surrogates break tokenizers; white space among them separates words.
    plain = "".join(" " if c.isspace() else c for c in composed if c.isspace() or not _is_control(c))
    text = " ".join(plain.split())
    if not _has_word(text):
        raise EmptyQuestion("the question is empty: type a few words")
    searched = _canonical(text)
    phrases = (" ".join(phrase.split()) for phrase in _QUOTED.findall(searched))
    # Each once: every phrase costs a search, and a question has room for 333 times "the".
    return Question(text, searched, tuple(dict.fromkeys(filter(_has_word, phrases))))


def _canonical(text: str) -> str:
    """The text that is searched; of nothing but politeness, nothing is removed."""
    folded = fold(_EM_DASH.sub(" - ", text)).rstrip(_FINAL_PUNCTUATION)
    plain = _POLITE_END.sub("", _POLITE_START.sub("", folded)).rstrip(_FINAL_PUNCTUATION)
    return plain if _has_word(plain) else folded


def _has_word(text: str) -> bool:
    return any(c.isalnum() for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Cn")
