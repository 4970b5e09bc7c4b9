"""The site's own Sphinx extension.

Formulas come from a wheel, not from a foreign host. Buttons that lead to the
repository, to Colab and to Binder appear when the build is told which
repository it is: ``GITHUB_REPOSITORY=owner/name``, as GitHub's own machines
set it. Without it, they are absent.
"""

import os
import re
import shutil
from importlib.metadata import distribution
from pathlib import Path

FONTS = Path("output/chtml/fonts/woff-v2")


def copy_mathjax(app, exception):
    """Copy MathJax's one bundle and its fonts out of their wheel."""
    if exception or app.builder.format != "html":
        return
    wheel = distribution("sphinx-mathjax-offline")
    source = Path(wheel.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir) / "_static/mathjax"
    shutil.copytree(source / FONTS, target / FONTS, dirs_exist_ok=True)
    shutil.copy(source / "tex-chtml.js", target)


def add_repository(app, config):
    """Add the repository's buttons, if the build knows its address."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        return
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(
            f"GITHUB_REPOSITORY: expected owner/name, got {repository!r}"
        )
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
    owner, name = repository.split("/")
    config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"


def setup(app):
    """Connect to Sphinx."""
    app.setup_extension("download")
    app.connect("config-inited", add_repository)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
