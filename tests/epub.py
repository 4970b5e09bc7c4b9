"""What readers of electronic books need of an EPUB."""

import posixpath
import zipfile
from urllib.parse import urlsplit
from xml.etree import ElementTree


def check_epub(path):
    """Hold an EPUB against what readers of electronic books need."""
    archive = zipfile.ZipFile(path)
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", 0)
    assert archive.read("mimetype") == b"application/epub+zip"
    pages = {
        name: ElementTree.fromstring(archive.read(name))
        for name in archive.namelist()
        if name.endswith((".xhtml", ".opf", ".xml"))
    }
    package = pages.pop("book/content.opf")
    listed = {
        f"book/{item.get('href')}"
        for item in package.iter()
        if item.get("media-type")
    }
    names = set(archive.namelist())
    assert listed == {n for n in names if n[:5] == "book/"} - {
        "book/content.opf"
    }
    ids = {
        name: {e.get("id") for e in page.iter()}
        for name, page in pages.items()
    }
    for name, page in pages.items():
        own = [e.get("id") for e in page.iter() if e.get("id")]
        assert len(own) == len(set(own)), name
        for element in page.iter():
            for key in ("href", "src"):
                parts = urlsplit(element.get(key, "https:"))
                if parts.scheme:
                    continue
                place = posixpath.join(posixpath.dirname(name), parts.path)
                place = posixpath.normpath(place)
                assert place in names, (name, element.attrib)
                if parts.fragment:
                    assert parts.fragment in ids[place], (name, parts)
