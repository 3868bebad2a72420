from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docx
import pytest
from fpdf import FPDF

from corpus.article import Article, CorpusError, Unreadable
from corpus.read import Skipped, read_articles
from corpus.sentences import split_sentences
from corpus.sources.folder import LARGEST_FILE
from corpus.sources.listing import listed_files
from tests.support.tiers import full

HARBOUR = (
    "The harbour office keeps a ledger of every boat that enters the bay, and nobody has counted its pages."
)
MARKET = (
    "The market opens at six on the first working day of March, when the clerk rings a bell in the square."
)
SCHOOL = (
    "A school bus leaves the village at eight, and parents drive eleven miles when it does not come at all."
)


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def sources(*paths: Path) -> list[str]:
    return [article.source for article in read_articles(paths).articles]


def reasons(*paths: Path) -> dict[str, str]:
    return {skipped.source: skipped.reason for skipped in read_articles(paths).skipped}


def test_each_format_is_read_by_its_suffix(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_dot_TXT=HARBOUR,
        b_dot_text=MARKET,
        c_dot_md=f"# Bus\n\n{SCHOOL}",
        d_dot_Markdown="## Part\n\nA *second* text about the bus to school.",
        e_dot_html=f"<title>Ledger</title><p>{HARBOUR} Or so they say.</p>",
        f_dot_HTM=f"<p>{MARKET} Or so they say.</p>",
    )
    pages = FPDF()
    pages.add_page()
    pages.set_font("Times", size=11)
    pages.multi_cell(0, 5, f"{SCHOOL} So it was in May.")
    (tmp_path / "g.pdf").write_bytes(bytes(pages.output()))
    document = docx.Document()
    document.add_paragraph(f"{SCHOOL} So it was in June.")
    document.save(str(tmp_path / "h.docx"))
    seen: list[Article] = []
    reading = read_articles([tmp_path], on_article=seen.append)
    assert {article.source: article.text for article in reading.articles} == {
        "a.TXT": HARBOUR,
        "b.text": MARKET,
        "c.md": f"Bus\n\n{SCHOOL}",
        "d.Markdown": "Part\n\nA second text about the bus to school.",
        "e.html": f"Ledger\n\n{HARBOUR} Or so they say.",
        "f.HTM": f"{MARKET} Or so they say.",
        "g.pdf": f"{SCHOOL} So it was in May.",
        "h.docx": f"{SCHOOL} So it was in June.",
    }
    assert tuple(seen) == reading.articles
    assert reading.skipped == ()


def test_a_walk_is_sorted_and_lists_what_it_skips(tmp_path: Path) -> None:
    write(
        tmp_path,
        z_dot_txt=HARBOUR,
        a__b__deep_dot_txt=MARKET,
        README_dot_md="About this folder, in more than twenty letters.",
        a__ReadMe="Another about.",
        notes_dot_xyz=b"?",
        Makefile=b"all:",
        _dot_hidden_dot_txt=SCHOOL,
        _dot_git__config_dot_txt=SCHOOL,
    )
    assert sources(tmp_path) == ["a/b/deep.txt", "z.txt"]
    assert read_articles([tmp_path]).skipped == (
        Skipped("Makefile", "not an article: no suffix"),
        Skipped("README.md", "a folder's README, not an article"),
        Skipped("a/ReadMe", "a folder's README, not an article"),
        Skipped("notes.xyz", "not an article: .xyz"),
    )


def test_a_file_given_by_name_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    write(tmp_path, in__README_dot_md=HARBOUR, in___dot_draft_dot_txt=MARKET, in__x_dot_csv=b"1,2")
    folder = tmp_path / "in"
    assert sources(folder / "README.md", folder / ".draft.txt") == ["README.md", ".draft.txt"]
    assert reasons(folder / "x.csv") == {"x.csv": "not an article: .csv"}
    with pytest.raises(
        CorpusError, match=r"nowhere\.txt does not exist; give a file or a folder of articles"
    ):
        read_articles([folder, folder / "nowhere.txt"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t\r\n", "is empty"),
        ("a.html", b"", "is empty"),
        ("a.txt", b"\xef\xbb\xbf\r\n", "is empty"),
        ("a.pdf", b"\n", "is empty"),
        ("a.txt", HARBOUR.encode() + b"\x00", "is binary, not text"),
        ("a.md", HARBOUR.encode("utf-16-le"), "is binary, not text"),
        ("a.html", b"\x7fELF\x01\x02\x03\x04" * 9, "is binary, not text"),
        ("a.txt", b"Nineteen letters is ab 12 34 56 78!", "holds no text"),
        ("a.txt", b"--- 1 2 3 ---", "holds no text"),
        ("a.html", b"<script>let words = 'more than twenty letters'</script>", "holds no text"),
        ("a.txt", b"x" * (LARGEST_FILE + 1), "is larger than 20 MB"),
        ("a.md", b"---\ntitle: a: b\n---\ntext", "line 2: the front matter is not YAML"),
        ("a.pdf", b"%PDF-1.4 not really", "is a damaged PDF"),
        ("a.docx", b"PK not really", "is not a whole .docx file"),
        ("a.html", b"<div>" * 3000, "is nested more than 2,000 elements deep"),
    ],
)
def test_a_file_that_is_no_article_is_listed_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    write(tmp_path, good_dot_txt=HARBOUR)
    assert sources(tmp_path) == ["good.txt"]
    assert reasons(tmp_path)[name].startswith(reason)


def test_text_in_another_encoding_is_text(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt=f"\ufeff{HARBOUR}".encode("utf-16-le"), b_dot_txt="“Café” " + MARKET)
    (tmp_path / "c.txt").write_bytes(("“Café” " + SCHOOL).encode("cp1252"))
    assert [article.text for article in read_articles([tmp_path]).articles] == [
        HARBOUR,
        "“Café” " + MARKET,
        "“Café” " + SCHOOL,
    ]


def test_the_same_text_counts_once(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt=HARBOUR, b_dot_md=HARBOUR + "\n", c_dot_txt=MARKET)
    assert sources(tmp_path) == ["a.txt", "c.txt"]
    assert reasons(tmp_path) == {"b.md": "same text as a.txt"}


def test_links_are_skipped_and_their_targets_read_once(tmp_path: Path) -> None:
    inside = write(tmp_path / "in", a_dot_txt=HARBOUR, sub__b_dot_txt=MARKET)
    write(tmp_path / "out", secret_dot_txt=SCHOOL)
    (inside / "near.txt").symlink_to(inside / "a.txt")
    (inside / "again").symlink_to(inside / "sub")
    (inside / "round").symlink_to(inside)
    (inside / "self.txt").symlink_to(inside / "self.txt")
    (inside / "far.txt").symlink_to(tmp_path / "out" / "secret.txt")
    (inside / "away").symlink_to("../out")
    (inside / "nowhere.txt").symlink_to("/nowhere")
    assert sources(inside) == ["a.txt", "sub/b.txt"]
    assert reasons(inside) == {
        "again": "a link",
        "away": "a link out of the folder",
        "far.txt": "a link out of the folder",
        "near.txt": "a link",
        "nowhere.txt": "a link out of the folder",
        "round": "a link",
        "self.txt": "a link",
    }
    (tmp_path / "given").symlink_to(inside)
    assert sources(tmp_path / "given") == ["a.txt", "sub/b.txt"]


def test_pipes_sockets_and_devices_never_block(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt=HARBOUR)
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.md"))
        assert sources(tmp_path) == ["a.txt"]
        assert reasons(tmp_path) == {
            "pipe.txt": "is not a regular file",
            "socket.md": "is not a regular file",
        }
    assert reasons(tmp_path / "pipe.txt") == {"pipe.txt": "is not a regular file"}


def outcomes(folder: Path) -> dict[str, str]:
    """What each file of a folder holds, or why it is not opened, without a process that reads it."""
    found: dict[str, str] = {}
    for file in listed_files([str(folder)]):
        try:
            found[file.source] = file.raw().decode()
        except Unreadable as error:
            found[file.source] = str(error)
    return found


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder, and rights that a mode of 0 keeps out: those of a root user are laid down meanwhile."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        try:
            if root:
                os.chown(folder, 65534, 65534)
                os.seteuid(65534)
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


def test_what_may_not_be_read_is_listed_with_the_systems_reason() -> None:
    with as_nobody() as folder:
        write(folder, a_dot_txt=HARBOUR, b_dot_txt=MARKET, shut__c_dot_txt=SCHOOL)
        (folder / "b.txt").chmod(0)
        (folder / "shut").chmod(0)
        try:
            assert outcomes(folder) == {
                "a.txt": HARBOUR,
                "b.txt": "Permission denied",
                "shut": "Permission denied",
            }
        finally:
            (folder / "shut").chmod(0o755)


def test_odd_names_are_shown_on_one_line(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name, text in (
        (b"new\nline.txt", HARBOUR),
        (b"half\xff.txt", MARKET),
        ("naïve ✓.txt".encode(), SCHOOL),
    ):
        with open(folder + b"/" + name, "w", encoding="utf-8") as file:
            file.write(text)
    with open(folder + b"/\x1b[31m\xfe.xyz", "w", encoding="utf-8"):
        pass
    assert sources(tmp_path) == ["half\\udcff.txt", "naïve ✓.txt", "new\\nline.txt"]
    assert reasons(tmp_path) == {"\\x1b[31m\\udcfe.xyz": "not an article: .xyz"}
    assert len({article.id for article in read_articles([tmp_path]).articles}) == 3


def test_sources_stay_apart_across_folders(tmp_path: Path) -> None:
    write(tmp_path, north__a_dot_txt=HARBOUR, south__a_dot_txt=MARKET, south__b_dot_txt=SCHOOL)
    assert sources(tmp_path / "north", tmp_path / "south") == ["north/a.txt", "south/a.txt", "b.txt"]
    write(tmp_path, x__south__a_dot_txt=SCHOOL + " Twice.")
    assert sources(tmp_path / "south", tmp_path / "x" / "south") == [
        "south/a.txt",
        "b.txt",
        "south/a.txt (2)",
    ]


def test_a_file_met_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt=HARBOUR, b_dot_txt=MARKET)
    assert sources(tmp_path, tmp_path / "b.txt", tmp_path) == ["a.txt", "b.txt"]
    assert reasons(tmp_path, tmp_path / "b.txt", tmp_path) == {}
    assert sources(tmp_path / "b.txt", tmp_path) == ["b.txt", "a.txt"]


def test_a_deep_folder_is_walked(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["d"] * 900)
    folder.mkdir(parents=True)
    write(folder, a_dot_txt=HARBOUR)
    assert sources(tmp_path) == ["d/" * 900 + "a.txt"]


def test_one_bad_file_among_many_costs_no_other(tmp_path: Path) -> None:
    for number in range(60):
        write(tmp_path, **{f"{number:03}_dot_txt": f"{HARBOUR} This is the boat with the number {number}."})
    write(tmp_path, bad_dot_docx=b"PK\x03\x04" * 99, worse_dot_pdf=b"%PDF" * 99)
    reading = read_articles([tmp_path])
    assert len(reading.articles) == 60
    assert [skipped.source for skipped in reading.skipped] == ["bad.docx", "worse.pdf"]


@full
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "unit",
    [
        "The council met and chose a board. ",
        "word",
        "a b c ",
        ". ",
        "Mr. ",
        "x@a. ",
        "www.",
        "“",
        "。",
        "- A ",
        "A, B ",
        "Ann Lee ",
        "w\n",
    ],
)
def test_a_megabyte_of_anything_ends(tmp_path: Path, unit: str) -> None:
    """Work that grows with the square of the length would take hours here."""
    file = tmp_path / "long.txt"
    file.write_text(
        "A first line of letters to read.\n\n" + unit * (1_000_000 // len(unit)), encoding="utf-8"
    )
    for article in read_articles([file]).articles:
        assert all(len(sentence.text) <= 1_000 for sentence in split_sentences(article))


def test_a_page_of_nothing_but_the_sites_lines_costs_the_others_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("Home\n\nShare this\n\nAll rights reserved\n", encoding="utf-8")
    (tmp_path / "good.txt").write_text("The ferry leaves the quay at nine every morning.", encoding="utf-8")
    reading = read_articles([tmp_path])
    assert [article.source for article in reading.articles] == ["good.txt"]
    assert [skipped.source for skipped in reading.skipped] == ["bad.txt"]
