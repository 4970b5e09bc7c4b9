// <dialect-switch>: the same weights in another dialect of the GRU, drawn
// beside PyTorch's, and the difference.
import { Network, generator, sigmoid } from "./engine.js";
import { Explorable, widget } from "./base.js";

const STEPS = 40, HIDDEN = 4;
// Name, where the reset gate acts, what an update gate of 1 does.
const DIALECTS = {
  pytorch: ["PyTorch", "after", "keep"],
  keras_after: ["Keras, reset_after=True", "after", "keep"],
  onnx_1: ["ONNX, linear_before_reset=1", "after", "keep"],
  cho_1: ["Cho et al. 2014, version 1", "after", "keep"],
  cho_3: ["Cho et al. 2014, version 3", "before", "keep"],
  keras_before: ["Keras, reset_after=False", "before", "keep"],
  onnx_0: ["ONNX, linear_before_reset=0", "before", "keep"],
  d2l: ["D2L", "before", "keep"],
  chung: ["Chung et al. 2014", "before", "write"],
};
const noise = generator(1);
const NOISE = Float64Array.from({ length: STEPS }, noise.normal);
const INPUTS = {
  noise: ["random numbers", (t) => NOISE[t] / 2],
  pulse: ["one pulse", (t) => (t >= 4 && t < 6 ? 1 : 0)],
  step: ["a step", (t) => (t >= 8 ? 1 : -1)],
  square: ["a square wave", (t) => (Math.floor(t / 8) % 2 ? -1 : 1)],
  sine: ["a sine wave", (t) => Math.sin((2 * Math.PI * t) / 20)],
};
const SAME = 1e-12;
const three = (v) => v.toFixed(3).replace("-", "−");
const options = (all) => Object.fromEntries(Object.entries(all).map(([k, [name]]) => [k, name]));

/**
 * Return all states of a sequence of numbers in a dialect, step by step; the
 * first is zeros.
 * @param {object} weights as `Network` has them, of one input and HIDDEN units
 * @param {Float64Array} x
 * @param {string} reset whether the gate acts "after" or "before" W_hn
 * @param {string} update whether 1 means to "keep" or to "write"
 */
export function states(weights, x, reset, update) {
  const { weight_ih, weight_hh, bias_ih, bias_hh } = weights;
  const h = new Float64Array((x.length + 1) * HIDDEN);
  const read = (row, t) => weight_ih[row] * x[t] + bias_ih[row];
  const recall = (row, state) =>
    state.reduce((sum, v, i) => sum + weight_hh[row * HIDDEN + i] * v, 0);
  for (let t = 0; t < x.length; t++) {
    const old = h.subarray(t * HIDDEN, (t + 1) * HIDDEN);
    const gate = (first) => old.map((_, j) =>
      sigmoid(read(first + j, t) + recall(first + j, old) + bias_hh[first + j]));
    const r = gate(0), z = gate(HIDDEN);
    const left = old.map((v, j) => r[j] * v);
    for (let j = 0; j < HIDDEN; j++) {
      const row = 2 * HIDDEN + j;
      const past = reset === "after" ? r[j] * (recall(row, old) + bias_hh[row])
        : recall(row, left) + bias_hh[row];
      const n = Math.tanh(read(row, t) + past);
      const keep = update === "keep" ? z[j] : 1 - z[j];
      h[(t + 1) * HIDDEN + j] = (1 - keep) * n + keep * old[j];
    }
  }
  return h;
}

/** Return the equations of a dialect as HTML, marked where PyTorch's differ. */
function equations([name, reset, update], one) {
  const mark = (text, other) => (other ? `<mark>${text}</mark>` : text);
  const W = "W<sub>hn</sub>", b = "b<sub>hn</sub>";
  const first = mark(one ? "(b<sub>in</sub> + b<sub>hn</sub>)" : "b<sub>in</sub>", one);
  const past = reset === "after"
    ? (one ? mark(`r ⊙ (${W} h)`, true) : `r ⊙ (${W} h + ${b})`)
    : mark(one ? `${W} (r ⊙ h)` : `${W} (r ⊙ h) + ${b}`, true);
  const state = update === "keep" ? "(1 − z) ⊙ n + z ⊙ h" : mark("z ⊙ n + (1 − z) ⊙ h", true);
  return `<dt>${name}</dt><dd>n = tanh(W<sub>in</sub> x + ${first} + ${past})</dd><dd>new h = ${state}</dd>`;
}

export class DialectSwitch extends Explorable {
  static title = "The same weights in another dialect: are the states the same?";
  static style = `dl { margin: 0 0 .75rem } dt { font-weight: 600 } dd { margin: 0 0 0 1rem }
    #all { margin-bottom: .75rem; font-size: .85rem } #all :is(th, td) { padding: .1rem .35rem } #all :is(th:first-child) { text-align: left }
    mark { color: inherit; background: var(--soft); padding: 0 .2em; border-radius: 3px }`;
  static controls = {
    dialect: { kind: "select", label: "Dialect", value: "d2l", options: options(DIALECTS) },
    biases: { kind: "select", label: "Bias vectors of the dialect", value: "two",
      options: { two: "two, as PyTorch", one: "one: b_ih + b_hh" } },
    input: { kind: "select", label: "Input x", value: "square", options: options(INPUTS) },
    size: { kind: "range", label: "Size of the weights (1: untrained)", value: 2, min: 0.5, max: 6, step: 0.5,
      show: (v) => v.toFixed(1) },
    seed: { kind: "range", label: "Draw other weights: seed", value: 2, min: 0, max: 9 },
    unit: { kind: "range", label: "Unit drawn", value: HIDDEN, min: 1, max: HIDDEN },
  };

  build() {
    return `<dl></dl>
      <div class="scroll" style="max-height:none" id="all" tabindex="0" role="region" aria-label="All dialects"></div>
      <svg id="states" role="img" aria-label="The unit's state over time, in PyTorch and in the dialect"></svg>
      <svg id="difference" role="img" aria-label="Difference of the states over time"></svg>
      <details><summary>The unit's values as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="The unit's values"></div></details>`;
  }

  /** Compute both dialects' states; units stand side by side in each step. */
  run(dialect = this.state.dialect) {
    const { biases, input, size, seed } = this.state;
    const network = new Network({ hidden: HIDDEN, seed });
    network.theta.forEach((v, i) => { network.theta[i] = v * size; });
    const { weight_ih, weight_hh, bias_ih, bias_hh } = network.weights;
    const x = Float64Array.from({ length: STEPS }, (_, t) => INPUTS[input][1](t));
    network.forward(x);
    const [, reset, update] = DIALECTS[dialect];
    const own = biases === "two" ? { bias_ih, bias_hh }
      : { bias_ih: bias_ih.map((v, i) => v + bias_hh[i]), bias_hh: bias_hh.map(() => 0) };
    const pytorch = network.h.slice(HIDDEN);
    const h = states({ weight_ih, weight_hh, ...own }, x, reset, update).slice(HIDDEN);
    const difference = h.map((v, i) => v - pytorch[i]);
    let worst = 0;
    difference.forEach((v, i) => { if (Math.abs(v) > Math.abs(difference[worst])) worst = i; });
    return { x, weights: { weight_ih, weight_hh, bias_ih, bias_hh }, pytorch, h, difference,
      since: Math.floor(difference.findIndex((v) => Math.abs(v) > SAME) / HIDDEN),
      largest: Math.abs(difference[worst]), unit: worst % HIDDEN + 1, step: Math.floor(worst / HIDDEN) };
  }

  draw() {
    const run = (this.result = this.run());
    const { unit, dialect, biases } = this.state;
    const of = (values, k) => values.filter((_, i) => i % HIDDEN === k - 1);
    const chosen = DIALECTS[dialect], one = biases === "one";
    this.shadowRoot.querySelector("dl").innerHTML =
      equations(DIALECTS.pytorch, false) + equations(["In this dialect", ...chosen.slice(1)], one);
    const x = [0, STEPS - 1];
    this.plot("states", { x, y: [-1, 1], height: 200, xlabel: "step t", ylabel: `state of unit ${unit}`, lines: [
      { values: run.x, name: "input x", color: "data", width: 1, dash: "2 3" },
      { values: of(run.pytorch, unit), name: "PyTorch", color: "truth", width: 6 },
      { values: of(run.h, unit), name: one ? `${chosen[0]}, one bias vector` : chosen[0], color: "forecast", width: 2 }] });
    const bound = [0.1, 0.5, 1].find((v) => v >= run.largest) ?? 2;
    const others = [1, 2, 3, 4].filter((k) => k !== unit);
    this.plot("difference", { x, y: [-bound, bound], height: 180, xlabel: "step t", ylabel: "dialect − PyTorch", lines: [
      ...others.map((k, i) => ({ values: of(run.difference, k), color: "data", width: 1, dash: "4 3",
        name: i ? "" : "the other units" })),
      { values: of(run.difference, unit), name: `unit ${unit}`, color: "forecast", width: 3 }] });
    this.describe(run, chosen, one);
    this.table("all", ["dialect", "largest difference", "from step"], Object.entries(DIALECTS).map(([key, [name]]) => {
      const { largest, since } = this.run(key);
      return [(key === dialect ? "▸ " : "") + name, largest < SAME ? "none" : three(largest), largest < SAME ? "" : since];
    }));
    const [p, h] = [of(run.pytorch, unit), of(run.h, unit)];
    this.table("values", ["t", "x", "PyTorch", "dialect", "difference"], [...run.x].map((v, t) =>
      [t, three(v), three(p[t]), three(h[t]), three(h[t] - p[t])]));
  }

  describe(run, [name, reset, update], one) {
    this.say(`${name}: the reset gate acts ${reset} the product with Wₕₙ, and z = 1 ` +
      `${update === "keep" ? "keeps the old state" : "writes the candidate"}. ` +
      `${one ? "One bias vector holds the sum of PyTorch's two. " : ""}` +
      (run.largest < SAME ? "All four units have PyTorch's states: the difference stays below 1e-12."
        : `The states differ from PyTorch's by up to ${three(run.largest)}, in unit ${run.unit} at step ${run.step}.${
          run.unit === this.state.unit ? "" : ` Drawn is unit ${this.state.unit}.`}`));
  }
}

export default { render: widget("dialect-switch") };
if (!customElements.get("dialect-switch")) customElements.define("dialect-switch", DialectSwitch);
