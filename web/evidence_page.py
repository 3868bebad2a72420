"""The page of an evidence list as HTML: articles and addresses pass through `html.escape`."""

from __future__ import annotations

from qa.citation import Citation
from web.catalogue import Catalogue
from web.citation import citation as source_line
from web.cited import MOST, Cited, cited_query
from web.escape import escaped
from web.formats import FORMATS
from web.fragment import fragment_link
from web.links import reader_link
from web.quotation import quotations

# What is shown of an address that is none.
_SHOWN = 100  # characters


def evidence_body(catalogue: Catalogue, cited: Cited) -> str:
    """Everything inside the page's body."""
    words = {name: escaped(text) for name, text in catalogue.section("evidence").items()}
    script = "".join(f' data-{name}="{words[name]}"' for name in ("copy", "copied", "press"))
    articles = escaped(catalogue("reader.articles"))
    return (
        f'<nav class="beside"><a href="./">{words["ask"]}</a> <a href="articles">{articles}</a></nav>'
        f'<main class="evidence"{script}><h1>{words["title"]}</h1>{_faults(catalogue, cited)}'
        f"{_list(catalogue, cited)}</main>"
        '<p class="spoken" role="status"></p>'
    )


def _faults(catalogue: Catalogue, cited: Cited) -> str:
    """A line for each address that gave nothing."""
    lines = [
        *(catalogue("evidence.malformed", address=address[:_SHOWN]) for address in cited.malformed),
        *(catalogue("evidence.missing", address=address) for address in cited.missing),
        *([catalogue("evidence.too_many", most=MOST)] if cited.too_many else []),
    ]
    return "".join(f'<p class="alarm">{escaped(line)}</p>' for line in lines)


def _list(catalogue: Catalogue, cited: Cited) -> str:
    if not cited.citations:
        return f"<p>{escaped(catalogue('evidence.empty'))}</p>"
    kept = escaped(catalogue("evidence.kept"))
    entries = "".join(_entry(catalogue, cited, number) for number in range(len(cited.citations)))
    return f'{_downloads(catalogue, cited)}<ol>{entries}</ol><p class="quiet">{kept}</p>'


def _downloads(catalogue: Catalogue, cited: Cited) -> str:
    """Links to the list as a file; what is missing goes along, so that the file can tell of it."""
    query = escaped(cited_query(cited.citations, cited.missing))
    links = " ".join(
        f'<a href="evidence/download.{suffix}?{query}" download>{kind.name}</a>'
        for suffix, kind in FORMATS.items()
    )
    heading = escaped(catalogue("evidence.download"))
    return f'<nav class="beside" aria-label="{heading}">{heading}: {links}</nav>'


def _entry(catalogue: Catalogue, cited: Cited, number: int) -> str:
    citation = cited.citations[number]
    return (
        f"<li><blockquote>{escaped(citation.text)}</blockquote>"
        f'<p class="citation">{source_line(citation.article, catalogue)}</p>'
        f'<p class="beside">{_read(catalogue, citation)} {_remove(catalogue, cited, number)}</p>'
        f"{_copies(catalogue, citation, number)}</li>"
    )


def _read(catalogue: Catalogue, citation: Citation) -> str:
    """Links to the quotation in the reader, and on the web if it can be told where."""
    span = citation.start, citation.end
    reader = escaped(reader_link(citation.article.id, span))
    web = escaped(fragment_link(citation.article, span))
    read, source = (escaped(catalogue(f"evidence.{name}")) for name in ("read", "source"))
    at_source = f' <a href="{web}" rel="noopener noreferrer">{source}</a>' if web else ""
    return f'<a href="{reader}">{read}</a>{at_source}'


def _remove(catalogue: Catalogue, cited: Cited, number: int) -> str:
    """A link to the list without this citation."""
    query = cited_query(cited.citations[:number] + cited.citations[number + 1 :], cited.missing)
    address = escaped(f"evidence?{query}" if query else "evidence")
    label, which = (
        escaped(catalogue(f"evidence.{name}", number=number + 1)) for name in ("remove", "remove_which")
    )
    return f'<a href="{address}" aria-label="{which}">{label}</a>'


def _copies(catalogue: Catalogue, citation: Citation, number: int) -> str:
    """The quotation with its source, ready to be copied, folded away."""
    fields = "".join(
        f'<label for="{kind}-{number}">{escaped(catalogue(f"evidence.{kind}"))}</label>'
        f'<textarea id="{kind}-{number}" rows="4" readonly>{escaped(text)}</textarea>'
        for kind, text in quotations(citation).items()
    )
    summary = escaped(catalogue("evidence.copies"))
    return f"<details><summary>{summary}</summary>{fields}</details>"
