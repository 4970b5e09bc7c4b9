// <open-gate>: the landing page's live figure. One slider, one curve.
// With a candidate of 0 a GRU keeps the share z of its state at each step,
// z = sigmoid(bias): after k steps z^k is left, half of it after
// ln(1/2) / ln(z) steps (chapter 1 derives and measures it).

(() => {
const gate = (bias) => 1 / (1 + Math.exp(-bias));
const left = (bias, k) => gate(bias) ** k;
const halfLife = (bias) => Math.log(0.5) / Math.log(gate(bias));

const STEPS = 60;
const BOX = { width: 480, height: 270, left: 44, right: 12, top: 12, bottom: 44 };
const x = (k) => BOX.left + (k * (BOX.width - BOX.left - BOX.right)) / STEPS;
const y = (share) => BOX.top + (1 - share) * (BOX.height - BOX.top - BOX.bottom);
const points = (bias) => Array.from({ length: STEPS + 1 },
  (_, k) => `${x(k).toFixed(1)},${y(left(bias, k)).toFixed(1)}`).join(" ");

const grid = [0, 0.5, 1].map((share) => `
  <line x1="${BOX.left}" x2="${x(STEPS)}" y1="${y(share)}" y2="${y(share)}"/>
  <text x="${BOX.left - 8}" y="${y(share) + 5}" text-anchor="end">${share}</text>`).join("");
const ticks = [0, 20, 40, 60].map((k) => `
  <text x="${x(k)}" y="${BOX.height - 24}" text-anchor="middle">${k}</text>`).join("");

class OpenGate extends HTMLElement {
  connectedCallback() {
    if (this.slider) return;
    this.innerHTML = `
      <svg viewBox="0 0 ${BOX.width} ${BOX.height}" role="img" aria-labelledby="open-gate-says">
        <g class="grid">${grid}${ticks}
          <text x="${x(STEPS / 2)}" y="${BOX.height - 4}" text-anchor="middle">steps since the number was seen</text>
          <text x="${x(STEPS)}" y="${BOX.top + 18}" text-anchor="end">share of it left in the state</text>
        </g>
        <polyline class="rest" points="${points(0)}"/>
        <text class="rest" x="${x(6)}" y="${y(0.05)}">bias 0, PyTorch's default</text>
        <polyline class="open"/>
      </svg>
      <label for="open-gate-bias">Bias of the update gate</label>
      <input id="open-gate-bias" type="range" min="0" max="5" step="0.1" value="${this.getAttribute("bias") ?? 3}">
      <p id="open-gate-says" aria-live="polite"></p>`;
    this.slider = this.querySelector("input");
    this.slider.addEventListener("input", () => this.draw());
    this.draw();
  }

  draw() {
    const bias = Number(this.slider.value);
    this.querySelector("polyline.open").setAttribute("points", points(bias));
    this.querySelector("p").textContent =
      `Bias ${bias.toFixed(1)}: the gate keeps ${(100 * gate(bias)).toFixed(1)} % at each step. ` +
      `Half is left after ${halfLife(bias).toFixed(1)} steps, ` +
      `${(100 * left(bias, 20)).toPrecision(3)} % after 20.`;
  }
}
customElements.define("open-gate", OpenGate);
})();
