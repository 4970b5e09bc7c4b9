"""Print the built site as one PDF, with bookmarks and a table of contents.

Usage: python -m tools.print_book [SITE]

Chromium prints: all pages in the book's order, as one document, so that links
from page to page lead there. It does so twice, since only the printed book
knows on which page a chapter begins. The landing page then links the file.
"""

import html
import io
import mimetypes
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from pypdf import PdfReader

from theme.files import link, path_of
from tools.book_pages import ROOT, read_pages, relink

STYLE = ROOT / "theme/paper.css"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BASE = "http://book/"  # no request leaves the machine
DOCUMENT = """\
<!doctype html>
<html lang="en" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="author" content="{author}">
<link rel="stylesheet" href="../_static/site.css">
<style>{style}</style>
</head>
<body>
<header class="cover">
<p class="cover__title">{title}</p>
<p>{about}</p>
</header>
<nav class="contents"><h1>Contents</h1>{contents}</nav>
<main><div class="bd-content">{pages}</div></main>
</body>
</html>
"""


def anchor(name, fragment=""):
    """Return the id, in the one document, of a page or of a place in it."""
    stem = name.rpartition("/")[2]
    return f"{stem}--{fragment}" if fragment else stem


def gather(pages):
    """Return the pages as one piece of HTML, in which no id comes twice."""
    names = {f"{page.name}.html" for page in pages}
    known = {
        (f"{page.name}.html", element["id"])
        for page in pages
        for element in page.article.find_all(id=True)
    }

    def address_of(path, fragment):
        if path == "index.html":
            path = f"{pages[0].name}.html"
        if path not in names:
            return None
        if fragment and (path, fragment) not in known:
            return None
        return "#" + anchor(path.removesuffix(".html"), fragment)

    for page in pages:
        relink(page, address_of)
        for element in page.article.find_all(id=True):
            element["id"] = anchor(page.name, element["id"])
        page.article["id"] = anchor(page.name)
    return "\n".join(str(page.article) for page in pages)


def contents(pages, numbers):
    """Return the table of contents; ``numbers`` has the pages, if known."""
    rows, part = [], ""
    for page in pages:
        if page.part != part:
            part = page.part
            rows.append(f'<p class="contents__part">{html.escape(part)}</p>')
        name = anchor(page.name)
        rows.append(
            f'<p><a href="#{name}">{html.escape(page.title)}</a>'
            f"<span>{numbers.get(name, 999)}</span></p>"
        )
    return "\n".join(rows)


def page_numbers(pdf):
    """Return by an id the number of the page on which it stands."""
    reader = PdfReader(io.BytesIO(pdf))
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def serve(site, document):
    """Return a handler that answers with the document, or a site's file."""

    def answer(route):
        path = unquote(urlsplit(route.request.url).path).lstrip("/")
        if path == "chapters/":
            route.fulfill(body=document, content_type="text/html")
        elif (site / path).is_file():
            kind = mimetypes.guess_type(path)[0] or "font/woff2"
            route.fulfill(path=site / path, content_type=kind)
        else:
            sys.exit(f"the printed book asks for {route.request.url}")

    return answer


def print_document(browser, site, document):
    """Return a document as a PDF."""
    page = browser.new_page(color_scheme="light")
    page.set_default_timeout(180_000)
    page.route("**/*", serve(site, document))
    page.goto(f"{BASE}chapters/")
    page.evaluate("document.fonts.ready.then(() => 0)")
    pdf = page.pdf(
        prefer_css_page_size=True,
        print_background=True,
        outline=True,
        tagged=True,
    )
    page.close()
    return pdf


def printed(site, root):
    """Return the book as a PDF."""
    from playwright.sync_api import sync_playwright

    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    pages = read_pages(site, root)
    told = {
        "title": config["title"],
        "author": config["author"],
        "about": config["sphinx"]["config"]["book_description"],
        "style": STYLE.read_text("utf-8"),
        "pages": gather(pages),
    }
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox"]
        )
        numbers = {}
        for _ in range(2):
            document = DOCUMENT.format(
                contents=contents(pages, numbers), **told
            )
            pdf = print_document(chromium, site, document)
            numbers = page_numbers(pdf)
        chromium.close()
    return pdf


def browser_path():
    """Return the path of a Chromium, or end with what to do."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    sys.exit("printing needs Chromium; expected `chromium` on the PATH")


def main(site=ROOT / "_build/html"):
    """Print the book beside the pages of a site."""
    site, start = Path(site), time.perf_counter()
    if not (site / "index.html").exists():
        sys.exit(f"no site in {site}: run `make book`")
    print("Printing all pages, twice; this takes a minute or two.", flush=True)
    pdf = printed(site, ROOT)
    path = path_of(site, "pdf")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pdf)
    link(site)
    count = len(PdfReader(io.BytesIO(pdf)).pages)
    seconds = time.perf_counter() - start
    print(f"{path}: {count} pages, {seconds:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:2])
