"""The book as files: what the archive holds, and which files are linked."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.epub import check_epub
from tests.site.reading import soup
from theme import files
from tools import bind_epub, book_pages

ROOT = Path(__file__).resolve().parents[2]
LANDING = (
    '<p id="as-files"><strong>As files.</strong> Words.</p>\n<p>Next.</p>'
)


@pytest.fixture
def app(tmp_path):
    """What the hook uses of Sphinx: a book, and its site as it is built."""
    book, site = tmp_path / "book", tmp_path / "site"
    for name, text in {
        "book/pyproject.toml": "[project]\n",
        "book/gru_tutorial/datasets/a.csv": "1\n",
        "book/gru_tutorial/__pycache__/a.pyc": "no",
        "site/index.html": LANDING,
        "site/chapters/index.html": LANDING,
        "site/_sources/chapters/01_small.ipynb": "{}",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return SimpleNamespace(
        bundle=True,
        builder=SimpleNamespace(name="html"),
        confdir=book,
        outdir=str(site),
    )


def links(app, name="index.html"):
    """Return where the list of files leads to."""
    page = soup.__wrapped__(Path(app.outdir) / name)
    assert page.select(".files") == page.select("#as-files + .files")
    return [tag["href"] for tag in page.select(".files a")]


def test_the_archive_holds_pages_and_package(app):
    files.write_archive(app, None)
    path = files.path_of(app.outdir, "zip")
    names = zipfile.ZipFile(path).namelist()
    assert sorted(name.removeprefix(f"{files.NAME}/") for name in names) == [
        "README.md",
        "chapters/01_small.ipynb",
        "gru_tutorial/datasets/a.csv",
        "pyproject.toml",
    ]
    first = path.read_bytes()
    files.write_archive(app, None)
    assert path.read_bytes() == first


def test_only_files_that_are_there_are_linked(app):
    site = Path(app.outdir)
    files.write_archive(app, None)
    assert links(app) == ["downloads/gru-by-experiment.zip"]
    assert links(app, "chapters/index.html") == [
        "../downloads/gru-by-experiment.zip"
    ]
    files.path_of(site, "pdf").write_bytes(b"x" * 1_240_000)
    for _ in range(2):  # the list is replaced, not made longer
        files.link(site)
        assert links(app) == [
            "downloads/gru-by-experiment.zip",
            "downloads/gru-by-experiment.pdf",
        ]
    text = (site / "index.html").read_text("utf-8")
    assert "The book as a PDF</a> (PDF, 1.2 MB)" in text
    assert text.endswith("<!-- /files -->\n<p>Next.</p>")


@pytest.mark.parametrize("are_written", [True, False])
def test_a_pdf_of_other_pages_is_removed(app, are_written):
    site = Path(app.outdir)
    (site / "downloads").mkdir()
    files.path_of(site, "pdf").touch()
    app.bundle = are_written
    files.write_archive(app, None)
    assert files.path_of(site, "pdf").exists() != are_written
    assert ("downloads/gru-by-experiment.pdf" in links(app)) != are_written


@pytest.mark.parametrize("case", ["failed", "other builder"])
def test_nothing_is_written_otherwise(app, case):
    exception = RuntimeError() if case == "failed" else None
    if case == "other builder":
        app.builder.name = "epub"
    files.write_archive(app, exception)
    assert not files.path_of(app.outdir, "zip").exists()


@pytest.mark.slow
def test_the_landing_page_links_the_archive(site):
    for name, up in (("index.html", ""), ("chapters/index.html", "../")):
        places = [a["href"] for a in soup(site / name).select(".files a")]
        assert f"{up}downloads/gru-by-experiment.zip" in places
        for place in places:
            assert (site / name).parent.joinpath(place).is_file()


@pytest.mark.slow
def test_the_archive_runs_where_it_is_unpacked(site, tmp_path):
    """It holds the site's downloads, and a package that can be installed."""
    archive = zipfile.ZipFile(files.path_of(site, "zip"))
    archive.extractall(tmp_path)
    folder = tmp_path / files.NAME
    for path in (site / "_sources/chapters").iterdir():
        packed = folder / "chapters" / path.name
        assert packed.read_bytes() == path.read_bytes()
    for name, _ in book_pages.listed():
        stem = name.rpartition("/")[2]
        assert list((folder / "chapters").glob(f"{stem}.*")), name
    readme = (folder / "README.md").read_text("utf-8")
    assert "pip install -c constraints.txt . jupyterlab" in readme
    for line in io.StringIO((folder / "chapters/index.md").read_text("utf-8")):
        if "](../" in line or ":::{image} ../" in line:
            name = line.split("../")[1].split(")")[0].strip()
            assert (folder / name).exists(), line
    package = tmp_path / "package"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", package, folder], check=True)
    code = "import gru_tutorial as g; print(len(g.make_series().values))"
    command = [sys.executable, "-c", f"import sys; sys.path[0] = ''; {code}"]
    run = subprocess.run(
        command, cwd=package, capture_output=True, text=True, check=True
    )
    assert run.stdout == "850\n"
    notebook = json.loads(
        (folder / "chapters/01_gru_theory.ipynb").read_text("utf-8")
    )
    assert notebook["nbformat"] == 4


@pytest.mark.slow
def test_the_epub_of_the_book(site, tmp_path):
    """Each page is well-formed, and each link leads somewhere."""
    path = tmp_path / "book.epub"
    assert bind_epub.write(path, site) == len(list(book_pages.listed()))
    check_epub(path)
    archive = zipfile.ZipFile(path)
    text = archive.read("book/pages/01_gru_theory.xhtml").decode()
    assert "<math xmlns=" in text
    assert "<details" not in text
