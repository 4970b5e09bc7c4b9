"""The chapters as they are read in JupyterLab: a real one, in a browser."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import nbformat
import numpy as np
import pytest
from playwright.sync_api import TimeoutError

from gru_tutorial.book.explorables.element import tags
from tests.site.browsing import in_chromium
from tests.site.exploring import result
from tests.site.test_driven import CHECKS, drive
from tests.site.test_forecast_explorer import SERIES, forecast
from tests.test_plain import RAW

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LAB = Path(sys.executable).with_name("jupyter-lab")
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden) "
PATIENCE = 60_000  # ms; a server and a kernel start


def live_figures():
    """Return a notebook whose only cell shows all explorables."""
    code = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from gru_tutorial.book.explorables.element import tags\n"
        "from tests.site.exploring import made\n"
        "for tag in tags():\n    display(made(tag))"
    )
    kernel = {"name": "python3", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code)],
        metadata={"kernelspec": kernel},
    )


def wait_for(server, base, log):
    """Wait until a JupyterLab answers; fail with what it told if it ends."""
    until = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            urllib.request.urlopen(f"{base}api", timeout=5).close()
            break
        except OSError:
            told = log.read_text("utf-8")
            assert server.poll() is None, told
            assert time.monotonic() < until, told
            time.sleep(0.2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab over a copy of the chapters."""
    if not LAB.exists():
        pytest.skip("JupyterLab is not installed")
    room = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "chapters", room / "book/chapters")
    shutil.copytree(ROOT / "theme/images", room / "book/theme/images")
    nbformat.write(live_figures(), room / "book/live.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}/"
    own = {  # not the settings and work spaces of whoever runs the tests
        name: str(room / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
        )
    }
    options = {
        "ServerApp.port": port,
        "ServerApp.root_dir": room / "book",
        "IdentityProvider.token": "",
        "LabApp.news_url": "None",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    with (room / "log").open("w") as log:
        server = subprocess.Popen(
            [LAB, "--no-browser", "--allow-root", *flags],
            env=os.environ | own,
            stdout=log,
            stderr=log,
        )
    wait_for(server, base, room / "log")
    yield base
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def live(lab, browser):
    """JupyterLab with a cell's live figures: all explorables."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{lab}lab/tree/live.ipynb?reset")
    cell = page.locator(SHOWN + ".jp-CodeCell .cm-content").first
    last = page.locator(SHOWN + tags()[-1])
    page.locator(SHOWN + "[data-status=idle]").first.wait_for(
        timeout=PATIENCE, state="attached"
    )
    for _ in range(4):  # a kernel that is still starting drops a call, or says
        with suppress(TimeoutError):
            cell.click(timeout=PATIENCE / 4)
            page.keyboard.press("Shift+Enter")
            last.wait_for(timeout=PATIENCE / 2, state="attached")
            break
        page.keyboard.press("Escape")  # what it says is in the way
    yield page
    context.close()


@in_chromium
@pytest.mark.parametrize("tag", tags())
def test_live_figures_answer_in_a_notebook_too(live, tag):
    """By mouse and keys: JupyterLab leaves the arrows to their sliders."""
    live.locator(tag).scroll_into_view_if_needed()
    live.wait_for_function(
        f"document.querySelector('{tag}').result", timeout=PATIENCE
    )
    state = drive(live, tag)
    if tag == "forecast-explorer":  # in the book it checks chapter 5
        history = SERIES[: state["origin"] + 1]
        y = forecast(state["model"], history, state["horizon"])
        got = result(live, tag)["before"]
        np.testing.assert_allclose(got, y, atol=1e-9)
    else:
        CHECKS[tag](live, tag, state)


@pytest.fixture(scope="module")
def opened(lab, browser):
    """JupyterLab, and chapter 4 opened in it; nothing asked for is missing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    lost = []

    def note_lost(response):
        if response.status >= 400 and "/chapters/" in response.url:
            lost.append(response.url)

    page.on("response", note_lost)
    page.goto(f"{lab}lab/tree/chapters/04_training.ipynb?reset")
    title = page.locator(SHOWN + "h1", has_text="Training")
    title.wait_for(timeout=PATIENCE)
    yield page
    context.close()
    assert not lost


@pytest.fixture
def page(opened):
    """JupyterLab with chapter 4 in front."""
    opened.get_by_role("tab", name="04_training.ipynb").click()
    opened.locator(SHOWN + "h1", has_text="Training").wait_for()
    return opened


def active(page):
    """Return the text of the notebook in front, as far as it is drawn."""
    return "\n".join(
        page.locator(SHOWN + ".jp-MarkdownOutput").all_text_contents()
    )


def follow(page, target, name):
    """Click a link to a target on a page; wait until both are in sight."""
    link = page.locator(SHOWN + f".jp-MarkdownOutput a[href*='#{target}']")
    link.first.scroll_into_view_if_needed()
    link.first.click()
    page.wait_for_url(f"**/{name}")
    arrived = f"""() => {{
      const place = document.querySelector(
        "{SHOWN} [data-jupyter-id='{target}']");
      const top = place ? place.getBoundingClientRect().top : -1;
      return 0 < top && top < innerHeight;
    }}"""
    page.wait_for_function(arrived, timeout=PATIENCE)


@in_chromium
def test_a_chapter_shows_no_marks_and_its_captions(page):
    page.locator(SHOWN + "strong", has_text="Figure 4.1.").wait_for()
    text = active(page)
    assert "The loop" in text
    assert not RAW.search(text)
    assert re.search(r"^Figure 4\.1\. \w", text, re.M)
    broken = page.locator(SHOWN + ".jp-MarkdownOutput .MathJax_Error")
    assert broken.count() == 0


@in_chromium
def test_links_lead_to_sections_here_and_in_other_notebooks(page):
    other = page.locator(SHOWN + "a[href*='#the-noise-floor']").first
    other.click()  # JupyterLab opens it, at its top the first time
    page.locator(SHOWN + "h1", has_text="Data preparation").wait_for()
    follow(page, "eq-series", "02_data_preparation.ipynb")
    page.get_by_role("tab", name="04_training.ipynb").click()
    follow(page, "the-noise-floor", "02_data_preparation.ipynb")


@in_chromium
def test_pages_that_are_no_notebooks_open_rendered(page):
    page.locator(SHOWN + "a[href*='#run-it-yourself']").first.click()
    preview = page.locator(".jp-MarkdownViewer")
    preview.get_by_role("heading", name="Run it yourself").wait_for()
    assert not RAW.search(preview.inner_text())
