"""Where the site will be: its own address, and the landing page there.

A build learns the address from ``SITE_ADDRESS=https://book.example.org/``,
from a file ``CNAME`` beside ``_config.yml``, which holds a domain as GitHub
Pages has it, or from ``GITHUB_REPOSITORY=owner/name``, as GitHub's own
machines set it. The repository also gives the pages buttons that lead to it,
to Colab and to Binder. A build that is told nothing has neither.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

LINK = re.compile(r'\b(href|src)="([^"]*)"')
OG_URL = re.compile(r'<meta property="og:url" content="[^"]*" />\n?')


def repository_of(environment):
    """Return the repository as owner/name, or an empty text."""
    repository = environment.get("GITHUB_REPOSITORY", "")
    if repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(
            f"GITHUB_REPOSITORY: expected owner/name, got {repository!r}"
        )
    return repository


def address_of(environment, folder):
    """Return the address of the site, with a slash at its end, or nothing.

    A repository that is called as its owner's site is that site.
    """
    told = environment.get("SITE_ADDRESS", "")
    if told:
        if urlsplit(told).scheme not in ("http", "https"):
            raise ValueError(f"SITE_ADDRESS: expected https://…, got {told!r}")
        return told.rstrip("/") + "/"
    domain = Path(folder) / "CNAME"
    if domain.exists():
        return f"https://{domain.read_text('utf-8').strip()}/"
    repository = repository_of(environment)
    if not repository:
        return ""
    owner, name = repository.split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" + ("" if name.lower() == host else f"{name}/")


def tell_address(app, config):
    """Tell Sphinx and its extensions the address, if the build knows it."""
    address = address_of(os.environ, app.confdir)
    if address:
        config.html_baseurl = config.ogp_site_url = address
        path = config.notfound_urls_prefix = urlsplit(address).path
        lost = config.notfound_context
        body = lost.get("body", "").replace('href="/', f'href="{path}')
        config.notfound_context = lost | {"body": body}


def add_repository(app, config):
    """Add the repository's buttons, if the build knows its address."""
    repository = repository_of(os.environ)
    if not repository:
        return
    options = dict(config.html_theme_options)
    options.update(
        repository_url=f"https://github.com/{repository}",
        repository_branch="main",
        path_to_docs="",
        use_repository_button=True,
        use_edit_page_button=True,
        use_issues_button=True,
        launch_buttons={
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    )
    config.html_theme_options = options


def name_landing_page(app, pagename, templatename, context, doctree):
    """Name the landing page by the site's address alone.

    Where that is not known, no page tells its own.
    """
    address = app.config.html_baseurl
    tags = context.get("metatags", "")
    if not address:
        context["metatags"] = OG_URL.sub("", tags)
    elif pagename == app.config.root_doc:
        own = address + app.builder.get_target_uri(pagename)
        context["pageurl"] = address
        context["metatags"] = tags.replace(f'"{own}"', f'"{address}"')


def at_root(page, folder):
    """Return a page of a folder as it must be in the folder above.

    A link to the page itself stays one.
    """

    def mended(match):
        name, link = match.groups()
        parts = urlsplit(link)
        if parts.scheme or not parts.path or link.startswith(("/", "../")):
            return match[0]
        if parts.path == "index.html":
            return match[0]
        return f'{name}="{folder}/{link}"'

    page = LINK.sub(mended, page)
    # In scripts and other attributes, too.
    return page.replace('"../"', '"./"').replace('"../', '"')


def write_landing_page(app, exception):
    """Write the landing page once more, at the root of the site."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    page = out / app.builder.get_target_uri(app.config.root_doc)
    text = at_root(page.read_text("utf-8"), page.parent.name)
    (out / "index.html").write_text(text, "utf-8")
    domain = Path(app.confdir) / "CNAME"
    if domain.exists():
        (out / "CNAME").write_bytes(domain.read_bytes())


def setup(app):
    """Connect to Sphinx."""
    app.connect("config-inited", tell_address)
    app.connect("config-inited", add_repository)
    # After the page's other tags are made, and when all files are.
    app.connect("html-page-context", name_landing_page, priority=900)
    app.connect("build-finished", write_landing_page, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
