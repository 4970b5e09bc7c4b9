"""A server for the built site, and a browser that complains."""

import contextlib
import functools
import gzip
import http.server
import re
import shutil
from urllib.parse import unquote, urlsplit

import pytest

# The first has no windows, so that it opens a page in half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


def in_chromium(test):
    """Mark a test as one that drives a browser."""
    reason = "Chromium is not installed"
    test = pytest.mark.skipif(CHROMIUM is None, reason=reason)(test)
    return pytest.mark.browser(test)


compressed = functools.lru_cache(256)(gzip.compress)  # once for each file


class Server(http.server.ThreadingHTTPServer):
    """Serve a site compressed, as web servers do, and note what was sent."""

    def __init__(self, site):
        super().__init__(("127.0.0.1", 0), Handler)
        self.site, self.sent = site, {}
        self.base = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer one request of :class:`Server`."""

    def do_GET(self):
        path = self.server.site / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            self.server.sent[self.path] = None
            self.send_error(404)
            return
        kind = http.server.SimpleHTTPRequestHandler.guess_type(self, path)
        content = path.read_bytes()
        self.send_response(200)
        if not re.search(r"png|woff", path.suffix):
            content = compressed(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.server.sent[self.path] = len(content)
        self.wfile.write(content)

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map

    def log_message(self, *arguments):
        pass


def watch(context, page, base):
    """Return a list, to which a page adds each complaint.

    What it says on its console, a request that fails, and one to an address
    that does not begin with ``base`` are complaints, told with the page's own.
    """
    complaints = []

    def complain(text):
        complaints.append((page.url, text))

    def let_through(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            complain(f"foreign: {route.request.url}")
            route.abort()

    def hear(message):
        if message.type in ("error", "warning"):
            complain(message.text)

    def look(response):
        if response.status >= 400:
            complain(f"{response.status}: {response.url}")

    context.route("**/*", let_through)
    page.on("console", hear)
    page.on("pageerror", lambda error: complain(str(error)))
    page.on("response", look)
    return complaints


@contextlib.contextmanager
def opened(browser, base, scheme="light", width=1280, height=900, **settings):
    """Open a page that can reach one address only; fail if it complains."""
    viewport = {"width": width, "height": height}
    context = browser.new_context(
        viewport=viewport, color_scheme=scheme, **settings
    )
    page = context.new_page()
    complaints = watch(context, page, base)
    yield page
    context.close()
    assert not complaints
