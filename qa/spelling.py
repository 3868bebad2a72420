"""Lists the British and American spellings of a word, by rules on its stem and ending.

    "organisation" -> organisation, organization
    "colour"       -> color, colour

A rule also spells what nobody writes ("promise" -> "promize"): the caller takes what the articles have. Left
out are homographs, of which one spelling means something else too: cheque and check, tyre and tire.
"""

from __future__ import annotations

import re
from functools import lru_cache

# The two spellings are the first group. Shorter beginnings would join words: size and rise, four and for,
# filled and filed, metre and more.
_RULES = r"""
    \w{3,}(is|iz)(?:e|es|ed|ing|er|ers|able|ations?|ational)
    (?:anal|paral|catal|hydrol|electrol)(ys|yz)(?:e|es|ed|ing|er|ers)
    \w{2,}(our|or)(?:s|ed|ing|able|ably|al|er|ers|ful|hoods?|ism|ites?|i[sz](?:e|es|ed|ing)|less|ly|y)?
    \w+t(re|er)s?
    \w+t(red|ered)
    (?:fi|cali|sa|som)b(re|er)s?
    \w*[aeiouy][^aeiouy]+[aeiou](ll|l)(?:ed|ing|ings|er|ers|ist|ists|or|ors|ous|ation|ations)
    (?:fue|refue|due|dia|tria)(ll|l)(?:ed|ing|ings|er|ers)
    (?:fulfi|enro|insta|disti|insti)(l|ll)(?:s|ments?)?
    (?:ski|wi)(l|ll)ful(?:ly|ness)?
    \w+l(ogue|og)s?
    \w+log(u|)(?:ed|ing)
    (?:defen|offen|preten|licen|practi)(c|s)(?:e|es|ed|ing|eless)
    (?:acknowledg|judg|abridg)(em|m)ents?
    (?:arch|p|orthop|gyn|encyclop|h|leuk|an|c|medi|prim)(ae|e)(?:o|di|dop|co|lo|m|sth|sar|v)\w+
    (?:f|diarrh|hom|)(oe|e)(?:t(?:al|us)|a|opath|strogen|sophag)\w*
    man(oeuvre|euver)(?:s|d)?
    (?:pro|kilo|milli|centi)gram(me|)s?
    gr(e|a)y(?:s|er|ed|ing|ish)?
    pl(ough|ow)(?:s|ed|ing)?
    s(c|k)eptic(?:s|al|ally|ism)?
    m(ou|o)ld(?:s|ed|ing|y)?
    sul(ph|f)(?:ur|ate|ates|ide|ides)
    (ageing|aging)
    art(e|i)facts?
    jewel(lery|ry)
    alumin(ium|um)
    m(ou|u)staches?
    p(y|a)jamas
    co(s|z)y
    co(-o|o)(?:p|rd)\w{3,}
"""


def _parse(rules: str) -> list[tuple[re.Pattern[str], tuple[str, str]]]:
    """Each rule compiled, with the two spellings in its first group."""
    spellings = re.findall(r"\(([\w-]+)\|([\w-]*)\)", rules)
    return [(re.compile(rule), pair) for rule, pair in zip(rules.split(), spellings, strict=True)]


_PARSED = _parse(_RULES)


@lru_cache(4096)
def spellings(word: str) -> tuple[str, ...]:
    """The spellings of a lower-case word, itself among them, in alphabetical order.

    Each of them has the same ones: a spelling that one rule makes goes through all rules again.
    """
    variants, pending = {word}, [word]
    while pending:
        variant = pending.pop()
        for pattern, pair in _PARSED:
            match = pattern.fullmatch(variant)
            others = (
                {variant[: match.start(1)] + other + variant[match.end(1) :] for other in pair}
                if match
                else set()
            )
            pending.extend(others - variants)
            variants |= others
    return tuple(sorted(variants))
