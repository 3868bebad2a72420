from __future__ import annotations

import random

import pytest

from corpus.article import Unreadable
from corpus.draft import Block, Kind, Metadata
from corpus.formats.html import html_draft
from corpus.formats.html_blocks import html_blocks, xml_texts

NEWS = """<!DOCTYPE html><html lang=en><head><meta charset=utf-8>
<title>Ten pilots share one budget | The Northern Ledger</title>
<meta property="og:site_name" content="The Northern Ledger"><meta name="author" content="Ada Marsh">
<meta property="article:published_time" content="2004-05-13T09:00:00Z">
<link rel=canonical href="https://ledger.example/pilots"><style>p {color: red}</style></head>
<body class="has-cookie-banner">
<div class="cookie-banner"><p>We use cookies to make this site work and to see how you use it.</p><button>Accept</button></div>
<header><h1 class="logo">The Northern Ledger</h1><nav><ul><li><a href="/">Home</a></li><li><a href="/n">News</a></li>
<li><a href="/p">Ten pilots share one budget</a></li><li><a href="/w">What the accounts say</a></li></ul></nav></header>
<main><article>
<header><h1>Ten pilots share one budget</h1><p class="standfirst">Pooled money buys time, <em>writes Ada Marsh</em>.</p></header>
<figure><img src=x alt="A picture"><figcaption>Staff at the Leeds office in April.</figcaption></figure>
<p>Ten areas have agreed to pay for their youngest children from one purse<sup><a href="#fn1">1</a></sup>, and the first
accounts show that the money lasts longer.</p>
<p>Short one.</p><p class="share-bar">Send it to a friend.</p>
<div class="newsletter-box"><p>Get the best of the Ledger in your inbox every morning, for nothing.</p></div>
<h2>What the accounts say</h2>
<p>Leeds spent a twelfth less on placements outside the city, and its social workers carried two fewer cases each than they
had in the year before.</p>
<ul><li>Leeds saved 1.2 million pounds.</li><li>Derby saved nothing at all.</li></ul>
<blockquote><p>Nobody believed that a shared purse could outlive an election, but this one did.</p></blockquote>
<p>The scheme ends in March, and no minister has said what will come after it or who is going to pay for the staff.</p>
<aside class="related"><h3>Related stories</h3><ul><li><a href="/a">A council counts the cost of its new school buses</a></li>
<li><a href="/b">Why nurses leave the county after only two years</a></li></ul></aside>
<ol class="footnotes"><li id="fn1">The purse is called a pooled budget in the Act. <a href="#r1">↩</a></li></ol>
<div class="authorBio"><p>Ada Marsh is a reporter in Leeds.</p></div>
</article>
<section id="comments"><h2>Comments</h2><div class="comment"><p class="author">reader99</p><p>I do not believe a word of this
report, and neither does my neighbour who works there.</p></div></section></main>
<footer><p>© 2004 The Northern Ledger. All rights reserved.</p></footer><script>track()</script></body></html>"""

COUNCIL = """<html><head><title>Family centres - Harrow Vale Council</title></head><body><div id="wrapper">
<div class="breadcrumb"><a href=/>Home</a> &gt; <a href=/f>Families</a></div><div id="content"><h1>Family centres</h1>
<p>Harrow Vale runs four family centres, and every family with a child under five may use any of them without charge.</p>
<table><caption>Centres and their hours</caption><tr><th>Centre</th><th>Opens</th><th>Closes</th></tr>
<tr><td>Mill Lane</td><td>8am</td><td>6pm</td></tr><tr><td><p>Castle Street</p></td><td><p>9am</p></td><td>5pm</td></tr></table>
<dl><dt>Cost</dt><dd>Free for families in the borough.</dd><dt>Telephone</dt><dd>01632 960 001</dd></dl>
<p>Bring the red book that your midwife gave you when you come for the first time, so that the nurse can write in it.</p>
</div><form action=/s><label>Search</label><input></form><div class="footer"><a href=/c>Contact us</a> | <a href=/p>Privacy</a></div>
</div></body></html>"""


def texts(page: str) -> list[str]:
    return [block.text for block in html_draft(page.encode()).blocks]


def test_a_news_page_gives_the_article_and_lists_the_site() -> None:
    draft = html_draft(NEWS.encode())
    assert draft.facts == Metadata(
        title="Ten pilots share one budget",
        author="Ada Marsh",
        publisher="The Northern Ledger",
        published="2004-05-13",
        url="https://ledger.example/pilots",
    )
    assert [block.text for block in draft.blocks] == [
        "Pooled money buys time, writes Ada Marsh.",
        "Staff at the Leeds office in April.",
        "Ten areas have agreed to pay for their youngest children from one purse[1], and the first accounts show that "
        "the money lasts longer.",
        "Short one.",
        "What the accounts say",
        "Leeds spent a twelfth less on placements outside the city, and its social workers carried two fewer cases each "
        "than they had in the year before.",
        "- Leeds saved 1.2 million pounds.",
        "- Derby saved nothing at all.",
        "Nobody believed that a shared purse could outlive an election, but this one did.",
        "The scheme ends in March, and no minister has said what will come after it or who is going to pay for the staff.",
        "1. The purse is called a pooled budget in the Act.",
        "Ada Marsh is a reporter in Leeds.",
    ]
    assert [block.text for block in draft.blocks if block.kind is Kind.HEADING] == ["What the accounts say"]
    assert [dropped.text for dropped in draft.dropped] == [
        "We use cookies to make this site work and to see how you use it.",
        "The Northern Ledger",
        "Home",
        "News",
        "What the accounts say",
        "Send it to a friend.",
        "Get the best of the Ledger in your inbox every morning, for nothing.",
        "Related stories",
        "A council counts the cost of its new school buses",
        "Why nurses leave the county after only two years",
        "Comments",
        "reader99",
        "I do not believe a word of this report, and neither does my neighbour who works there.",
        "© 2004 The Northern Ledger. All rights reserved.",
    ]
    assert {dropped.reason for dropped in draft.dropped} == {"site navigation or boilerplate"}


def test_a_council_page_keeps_its_table_and_its_definitions() -> None:
    draft = html_draft(COUNCIL.encode())
    assert draft.facts.title == "Family centres"
    assert [block.text for block in draft.blocks] == [
        "Harrow Vale runs four family centres, and every family with a child under five may use any of them without charge.",
        "Centres and their hours",
        "Centre | Opens | Closes",
        "Mill Lane | 8am | 6pm",
        "Castle Street | 9am | 5pm",
        "Cost | Free for families in the borough.",
        "Telephone | 01632 960 001",
        "Bring the red book that your midwife gave you when you come for the first time, so that the nurse can write in it.",
    ]
    assert [dropped.text for dropped in draft.dropped] == [
        "Home > Families",
        "Search",
        "Contact us | Privacy",
    ]


def test_a_bare_page_of_paragraphs() -> None:
    assert texts("<p>A bare page holds one paragraph.</p>\n<p>And then it\nholds a second one.</p>") == [
        "A bare page holds one paragraph.",
        "And then it holds a second one.",
    ]


def test_paragraphs_parted_by_line_breaks() -> None:
    assert texts(
        "<html><body><b>The bus to school</b><br><br>The county stopped the bus in May.<br>It gave no reason.<br>\n<br>"
        "Parents now drive eleven miles each morning, and two of them have lost their jobs because of it.<br>"
        "The county says that it will look at the road again in the autumn of the year.<br>Write to:<br>12 High Street<br>"
        "Harrow</body></html>"
    ) == [
        "The bus to school",
        "The county stopped the bus in May. It gave no reason.",
        "Parents now drive eleven miles each morning, and two of them have lost their jobs because of it.",
        "The county says that it will look at the road again in the autumn of the year.",
        "Write to: 12 High Street Harrow",
    ]


def test_a_soup_of_divisions_without_paragraphs() -> None:
    first = (
        "The first part of the soup tells how the trust was founded by three nurses in a room above a bakery."
    )
    second = "The second part tells how it grew to forty people in one year without losing its lease."
    page = (
        f"<body><div><div class=nav>Menu</div><div><div>{first}</div><div>{second}</div></div></div></body>"
    )
    assert texts(page.replace("forty", "<b>forty</b>")) == [first, second]


def test_a_page_inside_a_form_or_a_layout_table_is_read() -> None:
    first = "The whole of this page stands in a form, as it does on the pages of many councils."
    second = (
        "A second paragraph follows it, so that there is something which can be told from the search box."
    )
    assert texts(f"<body><form><div><p>{first}</p><p>{second}</p></div></form></body>") == [first, second]
    table = f"<table><tr><td><a href=/>Home</a></td><td><p>{first}</p><p>{second}</p></td></tr></table>"
    assert texts(table)[-2:] == [first, second]


def test_without_an_article_the_visible_text_of_the_body_counts() -> None:
    page = (
        "<body><header>Site</header><nav>Home</nav><aside>Box</aside><form>Search</form><script>x()</script><div>Two words"
        "</div><p hidden>Not seen</p><p style='display: none'>Nor this</p><footer>Imprint</footer></body>"
    )
    assert texts(page) == ["Two words"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<p>Café – “trust” in every town</p>".encode(), "Café – “trust” in every town"),
        ("<p>Café – “trust” in every town</p>".encode("cp1252"), "Café – “trust” in every town"),
        (
            "<meta charset=iso-8859-1><p>Café “trust” in every town</p>".encode("cp1252"),
            "Café “trust” in every town",
        ),
        ("<meta charset=iso-8859-1><p>Café “trust” in every town</p>".encode(), "Café “trust” in every town"),
        ("<meta charset='koi8-r'><p>Первое слово о доверии</p>".encode("koi8-r"), "Первое слово о доверии"),
        ("\ufeff<p>Café trust in every town</p>".encode("utf-16-le"), "Café trust in every town"),
        (
            b"<meta charset=unicode_escape><p>A \\x41 trust in every town</p>",
            "A \\x41 trust in every town",
        ),
        (b"<meta charset=iso-8859-99><p>A trust in every town</p>", "A trust in every town"),
        (b"<?xml version='1.0' encoding='utf-16'?><p>A trust in every town</p>", "A trust in every town"),
        (b"<p>A tr\x00ust\x0b in &#1;every town</p>", "A trust in every town"),
    ],
)
def test_the_encoding_is_found(raw: bytes, text: str) -> None:
    assert [block.text.replace("\x01", "") for block in html_draft(raw).blocks] == [text]


def test_blocks_of_simple_html() -> None:
    assert html_blocks(
        "<h1>Title</h1><p>One<br>line &amp; more.</p><ol start=3><li>three</li><li><p>four</p><ul><li>inner</li></ul></li>"
        "<li value=9>nine</li></ol><table><tr><td><p>a</p></td><td></td></tr></table><pre>x = 1\n\ny = 2</pre>"
        "<dl><dt>Term</dt></dl>tail"
    ) == (
        Block("Title", Kind.HEADING),
        Block("One line & more."),
        Block("3. three"),
        Block("4. four"),
        Block("- inner"),
        Block("9. nine"),
        Block("a |"),
        Block("x = 1"),
        Block("y = 2"),
        Block("Term"),
        Block("tail"),
    )
    assert html_blocks("") == html_blocks(" \n") == html_blocks("<!-- x -->") == html_blocks("</div>") == ()


def test_depth_loses_no_words() -> None:
    assert texts("<div>" * 600 + "words at the bottom" + "</div>" * 600 + "<p>and after</p>") == [
        "words at the bottom",
        "and after",
    ]
    assert texts("<ul><li>" * 400 + "words at the bottom") == ["- words at the bottom"]
    with pytest.raises(Unreadable, match="is nested more than 2,000 elements deep"):
        html_draft(b"<div>" * 3000 + b"words")


@pytest.mark.parametrize("raw", [b"", b" \n", b"<!-- only a comment -->"])
def test_a_page_without_any_element_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="holds no HTML text"):
        html_draft(raw)


def test_properties_are_read_without_entities() -> None:
    assert xml_texts(b"<p xmlns:d='urn:d'><d:title> A\n title </d:title><!-- x --><d:empty/></p>") == {
        "title": "A title",
        "empty": "",
    }
    outside = b"<!DOCTYPE p [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><p><title>&e;</title></p>"
    assert xml_texts(outside) == {"title": ""}
    with pytest.raises(Unreadable, match="holds broken XML"):
        xml_texts(b"<p><title>")


def test_damaged_pages_are_read_or_refused() -> None:
    """Three hundred pages with bytes turned, cut out and doubled."""
    pages = [NEWS.encode(), COUNCIL.encode(), b"<ul><li>one<dl><dt>a<dd>b<table><tr><td>c<td>d</table>"]
    dice = random.Random(4)
    read = 0
    for _ in range(300):
        raw = bytearray(dice.choice(pages))
        for _ in range(dice.choice((1, 5, 30))):
            at = dice.randrange(len(raw))
            cut = bytes(raw[at : at + dice.randrange(40)])
            raw[at : at + dice.randrange(3)] = dice.choice(
                (b"", cut + cut, bytes([dice.randrange(256)]), b"&#11;<")
            )
        try:
            read += all(
                block.text.strip()
                for block in html_draft(bytes(raw[: dice.randrange(1, 2 * len(raw) + 1)])).blocks
            )
        except Unreadable:
            continue
    assert read > 270
