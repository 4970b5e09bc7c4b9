"""Bind the built site into one EPUB, for readers of electronic books.

Usage: python -m tools.bind_epub [SITE]

An EPUB is an archive of pages in XHTML, of their pictures, and of two files
that list them: one for programs, one for people. Formulas stay MathML. The
landing page then links the file.
"""

import html
import posixpath
import sys
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from theme.files import link, path_of
from tools.book_pages import ROOT, read_pages, relink

STYLE = ROOT / "theme/epub.css"
NAMESPACES = {
    "math": "http://www.w3.org/1998/Math/MathML",
    "svg": "http://www.w3.org/2000/svg",
}
CONTAINER = """\
<?xml version="1.0" encoding="utf-8"?>
<container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/content.opf"
 media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
PAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"
 xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">
<head><title>{title}</title>
<link rel="stylesheet" type="text/css" href="{up}book.css"/></head>
<body>
{body}
</body>
</html>
"""
PACKAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0"
 unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{uuid}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:description>{about}</dc:description>
<dc:language>en</dc:language>
<meta property="dcterms:modified">{modified}</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
# Attributes of old HTML, which the style replaces.
OLD = ("border", "align", "valign", "bgcolor", "width", "height")
# In an EPUB, a name with a slash or a percent sign is no address.
UNSAFE = str.maketrans("/% ", "---")


def style_formulas(page, soup):
    """Say by an ``mstyle`` what EPUB's MathML lets only that element say."""
    for element in page.article.select(
        "math [scriptlevel], math [displaystyle]"
    ):
        told = {
            name: element.attrs.pop(name)
            for name in ("scriptlevel", "displaystyle")
            if name in element.attrs
        }
        if element.name == "mstyle":
            element.attrs |= told
        else:
            element.wrap(soup.new_tag("mstyle", attrs=told))


def settle(page, known):
    """Make a page's elements fit for XHTML; return its pictures' names."""
    pictures = set()
    for element in page.article.find_all(True):
        if element.name in NAMESPACES:
            element["xmlns"] = NAMESPACES[element.name]
        elif element.name == "img" and element["src"].startswith("data:"):
            pass  # it stands in for a live figure
        elif element.name == "img":
            name = posixpath.basename(element["src"])
            pictures.add(name)
            element["src"] = f"../images/{name}"
        elif element.name != "math" and not in_formula(element):
            for name in OLD:
                element.attrs.pop(name, None)
        if element.get("id"):
            own = element["id"].translate(UNSAFE)
            element["id"] = own
            if own in known:  # an id comes once
                del element["id"]
            known.add(own)
    return pictures


def in_formula(element):
    """Tell whether an element is part of a formula or drawing."""
    return element.find_parent(["math", "svg"]) is not None


def file_of(page):
    """Return the name of a page's file in the EPUB."""
    return f"pages/{page.name.rpartition('/')[2]}.xhtml"


def bind(pages):
    """Turn all pages' links and elements; return the pictures they show."""
    files = {f"{page.name}.html": file_of(page) for page in pages}
    files["index.html"] = file_of(pages[0])
    pictures, known = set(), {}
    soup = BeautifulSoup("", "html.parser")
    for page in pages:
        style_formulas(page, soup)
        ids = known.setdefault(file_of(page), set())
        pictures |= settle(page, ids)

    def address_of(path, fragment):
        if path not in files:
            return None
        fragment = fragment.partition("?")[0]  # a live figure's state
        name, fragment = files[path], fragment.translate(UNSAFE)
        kept = f"#{fragment}" if fragment in known[name] else ""
        return posixpath.basename(name) + kept

    for page in pages:
        relink(page, address_of)
    return pictures


def item(href, kind, number, properties=""):
    """Return an entry of the manifest."""
    told = f' properties="{properties}"' if properties else ""
    return f'<item id="i{number}" href="{href}" media-type="{kind}"{told}/>'


def entry(page):
    """Return a page's entry in the table of contents, with its sections."""
    inner = []
    for section in page.article.select("section section:has(> h2)"):
        if section.get("id"):
            title = html.escape(" ".join(section.h2.get_text().split()))
            address = f"{file_of(page)}#{section['id']}"
            inner.append(f'<li><a href="{address}">{title}</a></li>')
    below = f"<ol>{''.join(inner)}</ol>" if inner else ""
    title = html.escape(page.title)
    return f'<li><a href="{file_of(page)}">{title}</a>{below}</li>'


def contents(pages):
    """Return the table of contents."""
    parts = {}
    for page in pages:
        parts.setdefault(page.part, []).append(entry(page))
    rows = [
        f"<li><span>{html.escape(part)}</span><ol>{''.join(entries)}</ol></li>"
        if part
        else "".join(entries)
        for part, entries in parts.items()
    ]
    return (
        '<nav epub:type="toc" id="toc"><h1>Contents</h1>'
        f"<ol>{''.join(rows)}</ol></nav>"
    )


def package(pages, pictures, root=ROOT):
    """Return the list of all files, and what the book says of itself."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    xhtml = "application/xhtml+xml"
    manifest = [
        item("nav.xhtml", xhtml, "nav", "nav"),
        item("book.css", "text/css", "css"),
    ]
    for number, page in enumerate(pages):
        kinds = [k for k in ("math", "svg") if page.article.find(k)]
        told = " ".join(kinds).replace("math", "mathml")
        manifest.append(item(file_of(page), xhtml, number, told))
    for number, name in enumerate(sorted(pictures)):
        kind = name.rpartition(".")[2]
        kind = {"svg": "svg+xml", "jpg": "jpeg"}.get(kind, kind)
        address = f"images/{name}"
        manifest.append(item(address, f"image/{kind}", f"p{number}"))
    about = config["sphinx"]["config"]["book_description"]
    spine = [f'<itemref idref="i{k}"/>' for k in range(len(pages))]
    return PACKAGE.format(
        uuid=uuid.uuid5(uuid.NAMESPACE_URL, config["title"]),
        title=html.escape(config["title"]),
        author=html.escape(config["author"]),
        about=html.escape(about.strip()),
        modified=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        manifest="\n".join(manifest),
        spine="\n".join(['<itemref idref="inav"/>', *spine]),
    )


def write(path, site, root=ROOT):
    """Write the EPUB of a built site; return the number of its pages."""
    pages = read_pages(site, root)
    pictures = bind(pages)
    files = {
        "META-INF/container.xml": CONTAINER,
        "book/content.opf": package(pages, pictures, root),
        "book/nav.xhtml": PAGE.format(
            title="Contents", up="", body=contents(pages)
        ),
        "book/book.css": STYLE.read_text("utf-8"),
    }
    for page in pages:
        body = page.article.decode(formatter="minimal")
        title = html.escape(page.title)
        text = PAGE.format(title=title, up="../", body=body)
        files[f"book/{file_of(page)}"] = text
    for name in sorted(pictures):
        files[f"book/images/{name}"] = (site / "_images" / name).read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # The first file, not compressed, tells what the archive is.
        kind = zipfile.ZipInfo("mimetype")
        archive.writestr(kind, "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in files.items():
            archive.writestr(name, data)
    return len(pages)


def main(site=ROOT / "_build/html"):
    """Bind the EPUB beside the pages of a site."""
    site = Path(site)
    if not (site / "index.html").exists():
        sys.exit(f"no site in {site}: run `make book`")
    path = path_of(site, "epub")
    path.parent.mkdir(exist_ok=True)
    count = write(path, site)
    link(site)
    print(f"{path}: {count} pages of the site")


if __name__ == "__main__":
    main(*sys.argv[1:2])
