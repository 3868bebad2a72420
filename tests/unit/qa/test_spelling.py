from __future__ import annotations

import pytest

from qa.spelling import spellings


@pytest.mark.parametrize(
    "pair",
    """
    organisation/organization recognised/recognized colour/color neighbourhood/neighborhood centre/center
    centred/centered travelling/traveling counsellor/counselor catalogue/catalog defence/defense
    programme/program judgement/judgment paediatric/pediatric fulfil/fulfill skilful/skillful
    co-ordination/coordination practise/practice manoeuvre/maneuver
    """.split(),
)
def test_both_spellings_have_the_same_spellings(pair: str) -> None:
    british, american = pair.split("/")
    assert {british, american} <= set(spellings(british))
    assert spellings(british) == spellings(american)


def test_two_rules_can_apply_to_a_word() -> None:
    assert set(spellings("colourise")) == {"colourise", "colorise", "colourize", "colorize"}


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("size", "sise"),
        ("four", "for"),
        ("filled", "filed"),
        ("more", "moer"),
        ("cheque", "check"),
        ("tour", "tor"),
    ],
)
def test_words_of_other_meanings_stay_apart(word: str, other: str) -> None:
    assert spellings(word) == (word,)
    assert other not in spellings(word)
