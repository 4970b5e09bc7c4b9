"""Each reference leads to the work, and back to where the book cites it."""

import re

import pytest

from tests.site.reading import soup
from theme.cited import places

pytestmark = pytest.mark.slow


class Ref:
    def __init__(self, docname, line, *keys):
        self.docname, self.line = docname, line
        self.citation_ref_id = f"{docname}-{line}"
        self.targets = [type("Target", (), {"key": key}) for key in keys]


class Domain:
    citation_refs = (
        Ref("b", 9, "yule"),
        Ref("b", 3, "cho", "yule"),
        Ref("a", 1, "cho"),
        Ref("gone", 1, "cho"),
    )


def test_pages_come_in_the_books_order_with_their_first_citation():
    found = places(Domain, ["a", "b"])
    assert list(found["cho"].items()) == [("a", "a-1"), ("b", "b-3")]
    assert found["yule"] == {"b": "b-3"}


def test_each_work_has_an_address_and_leads_back(site):
    page = soup(site / "chapters/references.html")
    entries = page.select("div.citation")
    assert entries
    for entry in entries:
        text = entry.get_text()
        away = entry.select("a.external")
        assert any(a["href"].startswith("https://") for a in away), text
        back = entry.select("a.internal")
        assert back, text
        assert re.search(r"Cited in .+\.$", text.strip()), text
        for link in back:
            name, anchor = link["href"].split("#")
            cited = soup(site / "chapters" / name).find(id=anchor)
            assert cited is not None, link
            (to,) = cited.select(f'a[href$="#{entry["id"]}"]') or [cited]
            assert to["href"].endswith(f"references.html#{entry['id']}"), link
