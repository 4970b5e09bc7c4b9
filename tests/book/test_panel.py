"""The training panel: its state and callbacks, and once in JupyterLab."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import nbformat
import pytest
import torch

from gru_tutorial.book import panel as module
from gru_tutorial.book.panel import TrainingPanel
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.metrics import expected_ratio, mse
from gru_tutorial.model import GRUModel
from tests.site.browsing import CHROMIUM


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr(module, "REDRAWN_EVERY", 1e9)  # at the end only
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    panel = TrainingPanel()
    panel.hidden.value, panel.window.value = 8, 12
    panel.epochs.value = 3
    yield panel
    panel.stop.click()
    panel.wait()
    torch.set_num_threads(threads)


def test_training_ends_with_a_curve_and_a_score(panel):
    panel.train.click()
    panel.wait()
    assert len(panel.history.train_loss) == 3
    assert panel.progress.value == panel.progress.max == 3
    assert re.search(
        r'<img alt="Losses after 3 epochs, in noise floors: training '
        r'\d+\.\d\d, validation \d+\.\d\d" src="data:image/png;base64,iVBOR',
        panel.curve.value,
    )
    score = re.search(r"<b>(\d+\.\d{3})</b> times", panel.score.value)
    assert 1 < float(score[1]) < 15


def test_the_score_is_that_of_the_best_weights(panel, monkeypatch):
    scored = []

    def watch(clean, y_hat, noise):
        scored.append((len(clean), expected_ratio(clean, y_hat, noise)))
        return scored[-1][1]

    monkeypatch.setattr(module, "expected_ratio", watch)
    panel.train.click()
    panel.wait()
    assert scored[0][0] == 120  # the validation part, not the test part
    assert f"<b>{scored[0][1]:.3f}</b>" in panel.score.value
    assert f"Best epoch: {panel.history.best_epoch} of 3" in panel.score.value


def test_the_run_ends_with_the_best_weights(panel):
    panel.epochs.value, panel.lr.value = 12, 0.1
    panel.train.click()
    panel.wait()
    assert panel.history.best_epoch < 12  # else this test shows nothing
    values = panel.series.values[:720]
    y_hat = panel.forecaster.one_step(values, 600)
    scaler = panel.forecaster.scaler
    loss = mse(scaler.transform(values[600:]), scaler.transform(y_hat))
    assert loss == pytest.approx(min(panel.history.valid_loss), rel=1e-5)


def test_the_scaler_sees_the_training_part_alone(panel):
    panel.train.click()
    panel.wait()
    known = panel.series.values[:600]
    assert panel.forecaster.scaler.mean == known.mean()
    assert panel.forecaster.scaler.std == known.std()


def test_the_seed_draws_weights_and_order(panel, monkeypatch):
    seed_all, weights = torch.manual_seed, []

    def watched(model, **options):
        weights.append(model.gru.weight_hh_l0.detach().clone())
        return Forecaster(model, **options)

    def history_of(seed):
        panel.seed.value = seed
        panel.train.click()
        panel.wait()
        return panel.history.train_loss

    monkeypatch.setattr(module, "Forecaster", watched)
    histories = [history_of(0), history_of(1), history_of(1)]
    assert histories[0] != histories[1] == histories[2]
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[1], weights[2])
    monkeypatch.setattr(torch, "manual_seed", lambda seed: seed_all(0))
    assert history_of(1) != histories[0]  # of the order alone
    assert torch.equal(weights[0], weights[3])


def test_training_leaves_the_generator_alone(panel):
    torch.manual_seed(99)
    before = torch.get_rng_state()
    panel.train.click()
    panel.wait()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_settings_reach_the_run(panel):
    panel.epochs.value = 1

    def run(**settings):
        for name, value in settings.items():
            getattr(panel, name).value = value
        panel.train.click()
        panel.wait()
        return panel.history.train_loss

    first = run()
    assert run() == first
    for name, value in {
        "seed": 1,
        "lr": 0.003,
        "hidden": 9,
        "window": 13,
    }.items():
        before = getattr(panel, name).value
        assert run(**{name: value}) != first, name
        assert run(**{name: before}) == first, name


def test_the_curve_is_live_and_stop_ends_the_run(panel, monkeypatch):
    monkeypatch.setattr(module, "REDRAWN_EVERY", 0)
    seen, enough = [], threading.Event()

    def watch(change):
        seen.append(change["new"])
        if len(seen) == 4:  # emptied, and three epochs
            enough.set()

    panel.epochs.value = 200
    panel.curve.observe(watch, "value")
    panel.train.click()
    assert panel.train.disabled
    assert panel.lr.disabled
    assert not panel.stop.disabled
    assert enough.wait(30)
    panel.stop.click()
    panel.wait()
    assert len(set(seen)) >= 4
    assert 3 <= len(panel.history.train_loss) < 200
    assert "of 3" in panel.score.value or "epoch:" in panel.score.value
    assert panel.stop.disabled
    assert not panel.train.disabled
    assert not panel.lr.disabled
    panel.epochs.value = 2  # and it can be used again
    panel.train.click()
    panel.wait()
    assert len(panel.history.train_loss) == 2


def test_an_error_is_shown_and_the_buttons_come_back(panel, monkeypatch):
    def broken(*arguments, **options):
        raise FloatingPointError("loss: expected < 1")

    monkeypatch.setattr(Forecaster, "fit", broken)
    panel.train.click()
    panel.wait()
    assert panel.score.value == (
        "<b>FloatingPointError</b>: loss: expected &lt; 1"
    )
    assert not panel.train.disabled


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("hidden", 0, "hidden size: expected 1 to 128, got 0"),
        ("window", 10_000, "window: expected 2 to 120, got 10,000"),
        ("epochs", -5, "epochs: expected 1 to 200, got -5"),
        ("seed", 10_001, "seed: expected 0 to 10,000, got 10,001"),
    ],
)
def test_a_number_out_of_range_is_told_and_not_moved(panel, name, value, said):
    control = getattr(panel, name)
    control.value = value
    panel.train.click()
    assert panel._thread is None
    assert panel.score.value == said
    assert control.value == value
    assert not panel.train.disabled
    bounds = said.partition("expected ")[2].rpartition(", got")[0]
    assert f"({bounds})" in control.description


def test_runs_are_listed_and_the_best_is_bold(panel, monkeypatch):
    ratios = iter([3.0, 1.5, 2.0])
    monkeypatch.setattr(module, "expected_ratio", lambda *_: next(ratios))
    assert panel.listed.value == ""
    for hidden in (8, 9, 10):
        panel.hidden.value = hidden
        panel.epochs.value = 1
        panel.train.click()
        panel.wait()
    assert [run.hidden for run in panel.runs] == [8, 9, 10]
    assert panel.runs[1] == (9, 12, 0.01, 1, 0, 1, 1.5)
    rows = re.findall(r"<tr>(.*?)</tr>", panel.listed.value)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t", row) for row in rows]
    assert cells[0][-1] == "expected ratio"
    assert cells[2] == ["2", "9", "12", "0.01", "1 of 1", "0", "<b>1.500</b>"]
    assert [row[-1] for row in cells[1:]] == ["3.000", "<b>1.500</b>", "2.000"]


def test_a_run_that_was_stopped_is_listed_with_its_epochs(panel, monkeypatch):
    shown = panel._show
    monkeypatch.setattr(
        panel,
        "_show",
        lambda run: shown(run) or len(run.history.train_loss) == 2,
    )
    panel.epochs.value = 50
    panel.train.click()
    panel.wait()
    assert panel.runs[0].epochs == 2


def test_two_panels_at_once_do_not_disturb_each_other(panel, monkeypatch):
    """The weights are drawn where all cells run, and nothing else is."""
    threads, drawn = [], torch.get_rng_state

    def watched(**options):
        threads.append(threading.current_thread())
        return GRUModel(**options)

    monkeypatch.setattr(module, "GRUModel", watched)
    panel.train.click()
    panel.wait()
    alone = panel.history.train_loss
    before = drawn()
    both = [panel, TrainingPanel()]
    for one in both:
        one.hidden.value, one.window.value, one.epochs.value = 8, 12, 3
        one.train.click()
    for one in both:
        one.wait()
        assert one.history.train_loss == alone
    assert set(threads) == {threading.current_thread()}
    assert torch.equal(drawn(), before)


class Kernel:
    """What the panel asks a kernel for: which cell runs."""

    def __init__(self, code, **metadata):
        self.parent = {"content": {"code": code}, "metadata": metadata}

    def get_parent(self, channel):
        assert channel == "shell"
        return self.parent


@pytest.mark.parametrize(
    ("first", "second", "is_ended"),
    [
        (Kernel("a"), Kernel("a"), True),
        (Kernel("a"), Kernel("b"), False),
        (Kernel("a", cellId="1"), Kernel("b", cellId="1"), True),
        (Kernel("a", cellId="1"), Kernel("a", cellId="2"), False),
        (None, None, False),
    ],
)
def test_a_cell_that_runs_again_ends_its_old_run(
    monkeypatch, first, second, is_ended
):
    def shown_by(kernel):
        shell = SimpleNamespace(kernel=kernel) if kernel else None
        monkeypatch.setattr(module, "get_ipython", lambda: shell)
        return TrainingPanel()

    old = shown_by(first)
    new = shown_by(second)
    assert old._ending.is_set() == is_ended
    assert not new._ending.is_set()


AGAIN = """\
panel = TrainingPanel()
panels.append(panel)"""


@pytest.mark.slow
def test_a_cell_that_runs_again_in_a_kernel_ends_its_old_run(tmp_path):
    sources = [
        "import torch\n"
        "from gru_tutorial.book.panel import TrainingPanel\n"
        "torch.set_num_threads(1)\n"
        "panels = []",
        AGAIN,
        "panel.hidden.value, panel.epochs.value = 8, 200\npanel.train.click()",
        AGAIN,
        "panels[0].wait()\nprint(len(panels[0].history.train_loss) < 200)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient = pytest.importorskip("nbclient")
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    assert notebook.cells[-1].outputs[0].text == "True\n"


def test_a_notebooks_file_holds_no_list_of_controls():
    assert repr(TrainingPanel(seed=3)) == "TrainingPanel(seed=3)"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab with a notebook that shows the panel, at this address."""
    source = (
        "from gru_tutorial.book.panel import TrainingPanel\nTrainingPanel()"
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python"}},
    )
    nbformat.write(notebook, tmp_path / "panel.ipynb")
    port = free_port()
    home = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        + [f"--port={port}", "--IdentityProvider.token="]
        + [f"--ServerApp.root_dir={tmp_path}"],
        env={**os.environ, **home, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1).close()
                break
            except OSError:
                time.sleep(0.25)
        yield f"{address}/lab/tree/panel.ipynb"
    finally:
        server.terminate()
        server.wait(20)


def put_away(dialog):
    """Answer what JupyterLab asks on some starts, such as for a build."""
    asked = dialog.first
    print("JupyterLab asks:", asked.inner_text())
    wanted = "Select" if "kernel" in asked.inner_text().lower() else "Cancel"
    button = asked.get_by_role("button", name=wanted)
    if button.count() == 0:
        button = asked.locator(".jp-mod-accept")
    button.first.click()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_panel_works_in_jupyterlab(lab):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        dialog = page.locator(".jp-Dialog")
        page.add_locator_handler(dialog, put_away)
        cell = page.locator(".jp-Notebook .cm-content").first
        epochs = page.get_by_role("spinbutton", name="epochs")
        for _ in range(4):  # a kernel that is still starting drops a call
            page.goto(lab)
            cell.click()
            page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                expect(epochs).to_have_value("20", timeout=30_000)
                break
        expect(epochs).to_have_value("20")

        epochs.fill("3")
        epochs.press("Enter")
        page.get_by_role("button", name="Train").click()
        panel = page.locator(".widget-vbox").first
        expect(panel).to_contain_text("times the noise floor", timeout=60_000)
        expect(panel).to_contain_text("of 3.")
        curve = page.get_by_role("img", name="Losses after 3 epochs")
        assert curve.evaluate("image => image.naturalWidth") == 580

        epochs.fill("200")
        epochs.press("Enter")
        page.get_by_role("button", name="Train").click()
        stop = page.get_by_role("button", name="Stop", exact=True)
        expect(page.get_by_role("img", name="Losses after")).to_be_visible()
        stop.click()
        rows = panel.locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("of 3")
        expect(panel).not_to_contain_text("of 200.")
        browser.close()
