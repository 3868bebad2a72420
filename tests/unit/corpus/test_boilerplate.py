from __future__ import annotations

import pytest

from corpus.cleaning.boilerplate import is_boilerplate, trim
from corpus.draft import Block

BODY = (
    "The library will open on four evenings a week from May, after two hundred residents asked for it in a survey "
    "that ran all winter."
)


def kept(*texts: str) -> list[str]:
    blocks, _ = trim([Block(text) for text in texts])
    return [block.text for block in blocks]


@pytest.mark.parametrize(
    "line",
    [
        "Comments are closed.", "3 comments", "More from The Evening Star", "Related articles", "Most read",
        "Share this article", "Share on Facebook", "Sign in", "Sign up for our newsletter", "Subscribe now",
        "Already a subscriber? Log in", "Follow us on Twitter", "Back to top", "Skip to main content",
        "This website uses cookies to improve your visit.", "© 2004 Evening Star Ltd. All rights reserved",
        "Facebook Twitter LinkedIn", "You may also like", "ADVERTISEMENT", "Article continues below",
    ],
)  # fmt: skip
def test_what_sites_write(line: str) -> None:
    assert is_boilerplate(line)


@pytest.mark.parametrize(
    "line",
    [
        "Register to vote", "Contact us", "Sign up to council tax e-billing", "Share the cost of a school trip",
        "Comments from residents were mostly kind.", "Subscribers paid five pounds.", "More by design than luck",
        "Most viewed the plan with suspicion.", "Top stories fade but policy stays", "Copyright law is changing",
        "Already a member of the board resigned.", "Log in or walk out, she said.", "Sign in to a new era.",
        "Join the discussion about prisons and their costs.", "Share this leaflet with your neighbours",
        "Log in or create an account", "Sign up for free advice from the Energy Desk", "Sign up to get a postal vote",
        "Sponsored by the council, the school opened in May with ninety pupils.",
        "Help", "Home", "Search", "Related to this is the question of cost.", "Save energy at home",
    ],
)  # fmt: skip
def test_what_authors_write(line: str) -> None:
    assert not is_boilerplate(line)


def test_footer_goes_from_its_first_call_on_with_slogans_that_no_list_knows() -> None:
    assert kept("Title", BODY, "Sign up to read this article", "Seven days free", "One shelf. One card.") == [
        "Title",
        BODY,
    ]


def test_header_slogans_go_only_above_a_call() -> None:
    assert kept("All the news you need.", "Start reading", "Evenings at the library", BODY) == [
        "Evenings at the library",
        BODY,
    ]
    assert kept("All the news you need.", "Evenings at the library", BODY)[0] == "All the news you need."


def test_a_headline_above_share_buttons_stays() -> None:
    assert kept("Evenings at the library", "Share this article", BODY) == ["Evenings at the library", BODY]


def test_the_authors_own_lines_below_a_call_stay() -> None:
    own = [
        "(1) Survey of Readers, County Council, 2004",
        "Ann Lee is a librarian.",
        "ann@example.org",
        "Call 01234 567890",
    ]
    assert kept(BODY, "Comments are closed.", *own) == [BODY, *own]


def test_a_call_in_the_middle_is_not_a_footer() -> None:
    assert kept(BODY, "Most read", BODY) == [BODY, "Most read", BODY]


def test_an_advertisements_label_goes_anywhere() -> None:
    assert kept(BODY, "Advertisement", BODY) == [BODY, BODY]


def test_a_page_about_contact_keeps_its_headings_and_numbers() -> None:
    page = ["Contact us", "Call 01234 567890", "Monday to Friday, 9am to 5pm"]
    assert kept(*page) == page


def test_everything_dropped_is_listed_with_its_reason() -> None:
    _, dropped = trim(
        [Block(BODY), Block("Advertisement"), Block(BODY), Block("Most read"), Block("Star wins")]
    )
    assert [(line.text, line.reason) for line in dropped] == [
        ("Advertisement", "advertisement label"),
        ("Most read", "site footer"),
        ("Star wins", "site footer"),
    ]


def test_short_paragraphs_below_a_call_are_the_authors() -> None:
    own = [
        "Read more: the trust in pictures",
        "The trust closed in June after its director resigned.",
        "The council will vote in July.",
    ]
    assert kept(BODY, *own) == [BODY, *own]
    assert kept(BODY, *own, "Comments are closed.") == [BODY, *own]


def test_the_opening_below_a_headline_is_the_authors() -> None:
    top = ["Trust closes early", "The director resigned on Monday.", "Nobody has replaced her!"]
    assert kept(*top, "Share this", BODY) == [*top, BODY]


def test_steps_of_a_guide_stay() -> None:
    guide = [
        "Apply for a permit",
        "Log in or create an account",
        "Upload proof of address.",
        "Pay £62 for the first permit.",
    ]
    assert kept(*guide) == guide


def test_a_page_of_nothing_but_calls() -> None:
    assert kept("Share this", "All rights reserved") == []
