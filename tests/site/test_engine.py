"""The explorables' GRU in JavaScript computes what PyTorch computes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.site.browsing import in_chromium

pytestmark = pytest.mark.slow
ENGINE = (
    Path(__file__).resolve().parents[2]
    / "gru_tutorial/book/explorables/engine.js"
)

# Runs a network: with each sequence forward and backward, then an update.
RUN = """({ sizes, theta, x, h0, dy, updates, rate }) => {
  const network = new engine.Network(sizes);
  network.theta.set(theta);
  const y = [...network.forward(x, h0)];
  const dx = [...network.backward(x, dy)];
  const grad = [...network.grad], h = [...network.h];
  network.grad.fill(0);
  const losses = [], norms = [];
  for (let k = 0; k < updates; k++) {
    const out = network.forward(x, h0);
    losses.push(out.reduce((sum, v) => sum + v * v, 0) / out.length);
    network.backward(x, out.map(v => 2 * v / out.length));
    norms.push(network.update(rate));
  }
  return { y, dx, grad, losses, norms, h,
    theta: [...network.theta] };
}"""


@pytest.fixture(scope="module")
def page(browser):
    """A blank page that knows the engine."""
    page = browser.new_page()
    source = ENGINE.read_text("utf-8")
    page.evaluate(
        """async source => {
          const file = new Blob([source], { type: "text/javascript" });
          window.engine = await import(URL.createObjectURL(file));
        }""",
        source,
    )
    yield page
    page.close()


class Both(nn.Module):
    """The same network in PyTorch."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.gru = nn.GRU(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.double()

    def forward(self, x, h0):
        out, _ = self.gru(x[None], h0[None, None])
        return self.head(out)[0], out[0]


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors]).tolist()


def trained(model, x, h0, updates, rate):
    """Train in PyTorch as ``RUN`` does; return losses and norms."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate["lr"])
    losses, norms = [], []
    for _ in range(updates):
        optimizer.zero_grad()
        loss = model(x, h0)[0].square().mean()
        loss.backward()
        norms.append(
            nn.utils.clip_grad_norm_(model.parameters(), rate["clip"]).item()
        )
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


def drawn(seed):
    """Return sizes, a model and a sequence, drawn by a seed."""
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.integers(1, 4, 2).tolist()
    hidden, length = rng.integers(1, 20).item(), rng.integers(1, 60).item()
    torch.manual_seed(seed)
    model = Both(inputs, hidden, outputs)
    x, h0, dy = (
        torch.tensor(rng.standard_normal(shape))
        for shape in ((length, inputs), (hidden,), (length, outputs))
    )
    return {"inputs": inputs, "hidden": hidden, "outputs": outputs}, (
        model,
        x,
        h0,
        dy,
    )


@in_chromium
@pytest.mark.parametrize("seed", range(12))
def test_states_gradients_and_updates_are_those_of_pytorch(page, seed):
    sizes, (model, x, h0, dy) = drawn(seed)
    rate = {"lr": 0.02, "clip": 0.3}
    asked = {
        "sizes": sizes,
        "theta": flat(model.parameters()),
        "x": flat([x]),
        "h0": flat([h0]),
        "dy": flat([dy]),
        "updates": 50,
        "rate": rate,
    }
    got = page.evaluate(RUN, asked)
    x.requires_grad_()
    y, h = model(x, h0)
    y.backward(dy)
    assert got["h"] == pytest.approx(flat([h0, h]), abs=1e-12)
    assert got["y"] == pytest.approx(flat([y]), abs=1e-12)
    grad = flat([p.grad for p in model.parameters()])
    assert got["grad"] == pytest.approx(grad, abs=1e-10)
    assert got["dx"] == pytest.approx(flat([x.grad]), abs=1e-10)
    losses, norms = trained(model, x.detach(), h0, 50, rate)
    assert got["losses"] == pytest.approx(losses, abs=1e-9)
    assert got["norms"] == pytest.approx(norms, rel=1e-6)
    assert got["theta"] == pytest.approx(flat(model.parameters()), abs=1e-9)


@in_chromium
def test_without_a_state_it_begins_at_zero(page):
    asked = """({ x, h0 }) => {
      const network = new engine.Network({ hidden: 3, seed: 1 });
      return [...network.forward(x, h0)];
    }"""
    x = [0.5, -1.0, 2.0]
    zeros = page.evaluate(asked, {"x": x, "h0": [0, 0, 0]})
    assert page.evaluate(asked, {"x": x, "h0": None}) == zeros
    assert page.evaluate(asked, {"x": x, "h0": [1, 0, 0]}) != zeros


@in_chromium
def test_random_numbers_follow_their_seed_and_their_laws(page):
    asked = """seed => {
      const { uniform, normal } = engine.generator(seed);
      return [0, 1].map(k => Array.from({ length: 20000 },
        k ? normal : uniform));
    }"""
    uniform, normal = map(np.array, page.evaluate(asked, 3))
    assert page.evaluate(asked, 3)[0] == uniform.tolist()
    assert page.evaluate(asked, 4)[0] != uniform.tolist()
    assert 0 <= uniform.min() < 0.001 < 0.999 < uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)
    assert normal.mean() == pytest.approx(0, abs=0.03)
    assert normal.std() == pytest.approx(1, abs=0.03)
    assert (normal**4).mean() == pytest.approx(3, abs=0.25)
