"""Each reference leads to the work, and back to where the book cites it."""

import re
import unicodedata

import pytest

from tests.site.reading import chapters, soup

pytestmark = pytest.mark.slow


def works(site):
    """Return the works of the references by their keys."""
    page = soup(site / "chapters/references.html")
    return {p["id"]: p for p in page.select("article p.work")}


def test_each_work_has_an_address_and_leads_back(site):
    assert len(works(site)) >= 40
    for key, work in works(site).items():
        text = work.get_text()
        away = work.select("a.external")
        assert any(a["href"].startswith("https://") for a in away), text
        back = work.select("a.internal")
        assert re.search(r"Cited in .+\.$", text.strip()), text
        for link in back:
            name, anchor = link["href"].split("#")
            cited = soup(site / "chapters" / name).find(id=anchor)
            assert cited is not None, link
            (to,) = cited.select("a")
            assert to["href"].endswith(f"references.html#{key}"), link


def test_works_stand_in_the_order_of_their_authors_and_years(site):
    texts = [
        unicodedata.normalize("NFKD", work.get_text()).casefold()
        for work in works(site).values()
    ]
    assert texts == sorted(texts)


def short_names(work):
    """Return how a text names a work: its authors and year."""
    authors, year = re.match(r"(.+?) \((\d{4})\)", work.get_text()).groups()
    names = re.findall(r"(?:^|, | and )([^,]+), \w\.", authors)
    names = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"{names} ({year})", f"{names}, {year}"


def test_a_citation_names_authors_and_year_as_the_work_does(site):
    count = 0
    for name in chapters(site):
        for link in soup(site / name).select('a[href*="references.html#"]'):
            work = works(site)[link["href"].partition("#")[2]]
            assert link.get_text() in short_names(work), name
            count += 1
    assert count > 50
