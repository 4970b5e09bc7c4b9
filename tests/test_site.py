"""The built site: what it links to, with and without a known repository."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the site's tools are not installed")
from sphinx.search.en import SearchEnglish

ROOT = Path(__file__).resolve().parents[1]
BOOK = Path(sys.executable).with_name("jupyter-book")
FOREIGN = re.compile(r"github\.com/someone|mybinder|colab\.research")

pytestmark = pytest.mark.skipif(
    not BOOK.exists(), reason="jupyter-book is not installed"
)


def build(folder, **environment):
    """Build the book strictly into a folder; return the run."""
    variables = {k: v for k, v in os.environ.items() if k[:7] != "GITHUB_"}
    command = [BOOK, "build", ".", "-W", "-n", "--keep-going"]
    return subprocess.run(
        [*command, "--path-output", folder],
        cwd=ROOT,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of a book that does not know its repository."""
    folder = tmp_path_factory.mktemp("plain")
    run = build(folder)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def site_of_repository(tmp_path_factory):
    """The site of a book that does."""
    folder = tmp_path_factory.mktemp("known")
    run = build(folder, GITHUB_REPOSITORY="someone/gru")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "_build" / "html"


def pages(site):
    return [p for p in site.rglob("*.html") if "_static" not in p.parts]


def test_without_a_repository_no_button_leads_to_one(site):
    assert pages(site)
    for page in pages(site):
        assert not FOREIGN.search(page.read_text("utf-8")), page


def test_figures_and_formulas_are_numbered(site):
    page = (site / "chapters" / "08_speed.html").read_text("utf-8")
    captions = re.findall(r'caption-number">([^<]*)<', page)
    captions = [caption.strip() for caption in captions]
    assert captions == ["Figure 8.1", "Figure 8.2", "Figure 8.3"]
    assert r"\tag{8.1}" in page
    for page in pages(site):  # MathJax allows no tag in there
        assert r"\begin{split}" not in page.read_text("utf-8"), page


def test_with_a_repository_its_buttons_appear(site_of_repository):
    page = site_of_repository / "chapters" / "02_data_preparation.html"
    links = re.findall(r'href="([^"]+)"', page.read_text("utf-8"))
    path = "chapters/02_data_preparation.ipynb"
    assert "https://github.com/someone/gru" in links
    assert f"https://github.com/someone/gru/edit/main/{path}" in links
    assert any("issues/new" in link for link in links)
    colab = "https://colab.research.google.com/github/someone/gru/blob/main/"
    assert colab + path in links
    assert any(link.startswith("https://mybinder.org/") for link in links)
    assert (
        "https://someone.github.io/gru/chapters/02_data_preparation.html"
        in links
    )


def test_an_address_that_is_none_is_refused(tmp_path):
    run = build(tmp_path, GITHUB_REPOSITORY="https://github.com/a/b")
    assert run.returncode != 0
    assert "expected owner/name" in run.stdout + run.stderr


def test_formulas_need_no_foreign_host(site):
    for page in pages(site):
        text = page.read_text("utf-8")
        scripts = re.findall(r'<script[^>]+src="([^"]+)"', text)
        assert not [s for s in scripts if s.startswith(("http", "//"))]
    assert (site / "_static" / "mathjax" / "tex-chtml.js").exists()


def test_search_finds_every_message_of_the_gallery(site):
    """Each word of each message leads to the gallery, as the search does."""
    text = (site / "searchindex.js").read_text("utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    number = index["docnames"].index("chapters/11_error_gallery")
    english = SearchEnglish({})
    notebook = json.loads(
        (ROOT / "chapters" / "11_error_gallery.ipynb").read_text("utf-8")
    )
    messages = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            messages += re.findall(r"^### .*?`([^`]+)`", text, re.M)
        for output in cell.get("outputs", []):
            printed = "".join(output.get("text", ""))
            messages += re.findall(
                r"^\w+(?:Error|Warning): (.*)", printed, re.M
            )
    assert len(messages) > 30
    for message in messages:
        for word in english.split(message):
            stem = english.stem(word.lower())
            if not english.word_filter(stem):
                continue
            found = []
            for kind in ("terms", "titleterms"):
                pages_with = index[kind].get(stem, [])
                found += (
                    pages_with
                    if isinstance(pages_with, list)
                    else [pages_with]
                )
            assert number in found, (message, word)


def test_every_item_of_the_original_tutorial_is_linked(site):
    """The landing page's map leads to anchors that exist."""
    landing = site / "chapters" / "index.html"
    text = landing.read_text("utf-8")
    table = text[text.index('id="the-original-tutorial') :]
    table = table[: table.index("</table>")]
    links = re.findall(r'href="([^"#]+)#([^"]+)"', table)
    assert table.count("<tr") == 12  # a heading and eleven items
    assert len(links) >= 11
    for page, anchor in links:
        target = (landing.parent / page).read_text("utf-8")
        assert f'id="{anchor}"' in target, (page, anchor)
