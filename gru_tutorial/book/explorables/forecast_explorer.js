// <forecast-explorer>: a model that the notebook has trained, asked from any
// origin, and the visibility test by hand: nudge the last observation, and see
// which steps of the forecast move.
//
// Attributes, numbers as float32 in a data address: series, weights-free,
// weights-direct, weights-blind (all a network's parameters in the engine's
// order); and units, horizon, window, mean, std, first (the first origin).
import { Network } from "./engine.js";
import { Explorable, widget } from "./base.js";

const KINDS = {
  free: "GRU, one step, fed back",
  direct: "GRU, direct: from the last state",
  blind: "GRU, late head (last states)",
  copy: "the last value, repeated",
};

export class ForecastExplorer extends Explorable {
  static title = "Where does a forecast look?";
  static controls = {
    model: { kind: "select", label: "Forecast by", value: "copy", options: KINDS },
    origin: { kind: "range", label: "Last known step", value: 0, min: 0, max: 10000 },
    nudge: { kind: "range", label: "Nudge the last observation by", value: 0, min: -3, max: 3, step: 0.1,
      show: (v) => v.toFixed(1) },
  };

  /** Models that the element has weights of, and origins that have both sides. */
  get controls() {
    const { model, origin, nudge } = ForecastExplorer.controls;
    const known = Object.entries(KINDS).filter(([kind]) => kind === "copy" || this.hasAttribute(`weights-${kind}`));
    const first = this.size("first");
    const max = this.known.series.length - this.size("horizon") - 1;
    return {
      model: { ...model, options: Object.fromEntries(known), value: known[0][0] },
      origin: { ...origin, min: first, max, value: Math.min(first + 40, max) },
      nudge,
    };
  }

  size(name) {
    return Number(this.getAttribute(name));
  }

  /** What the attributes hold, read once. */
  get known() {
    if (!this.kept) {
      const series = this.numbers("series");
      const networks = {};
      for (const kind of ["free", "direct", "blind"]) {
        if (!this.hasAttribute(`weights-${kind}`)) continue;
        const outputs = kind === "direct" ? this.size("horizon") : 1;
        networks[kind] = new Network({ hidden: this.size("units"), outputs });
        networks[kind].theta.set(this.numbers(`weights-${kind}`));
      }
      this.kept = { series, networks };
    }
    return this.kept;
  }

  build() {
    return `<svg id="path" role="img" aria-label="What is known, what comes, and the forecast"></svg>
      <svg id="moves" role="img" aria-label="How far each step of the forecast moves"></svg>
      <details><summary>The forecast as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="The forecast"></div></details>`;
  }

  /** Forecast the steps after a history, in the series' units. */
  forecast(history) {
    const horizon = this.size("horizon"), mean = this.size("mean"), std = this.size("std");
    if (this.state.model === "copy") return new Float64Array(horizon).fill(history.at(-1));
    const x = history.slice(-this.size("window")).map((v) => (v - mean) / std);
    const network = this.known.networks[this.state.model];
    const back = (y) => Float64Array.from(y, (v) => v * std + mean);
    const out = network.forward(x);
    if (this.state.model === "direct") return back(out.slice(-horizon));
    if (this.state.model === "blind") return back(out.slice(-horizon));
    return back(this.freeRun(network, x, horizon));
  }

  /** Feed each forecast back as the next input. */
  freeRun(network, x, horizon) {
    const { hidden } = network;
    const y = [network.y[x.length - 1]];
    let state = network.h.slice(x.length * hidden, (x.length + 1) * hidden);
    while (y.length < horizon) {
      y.push(network.forward([y.at(-1)], state)[0]);
      state = network.h.slice(hidden, 2 * hidden);
    }
    return y;
  }

  draw() {
    const { series } = this.known;
    const { origin, nudge } = this.state;
    const horizon = this.size("horizon");
    const history = series.slice(0, origin + 1);
    const before = this.forecast(history).slice();
    history[origin] += nudge;
    const after = nudge ? this.forecast(history).slice() : before;
    const moves = after.map((v, k) => Math.abs(v - before[k]));
    this.result = { before, after, moves };
    const first = Math.max(0, origin - 50), end = origin + horizon;
    const seen = series.slice(first, end + 1);
    const all = [...seen, ...before, ...after, history[origin]];
    const [lo, hi] = [Math.min(...all), Math.max(...all)];
    const edge = 0.06 * (hi - lo || 1);
    const steps = (y) => [...y].map((v, k) => [origin + 1 + k, v]);
    this.plot("path", { x: [first, end], y: [lo - edge, hi + edge], xlabel: "step", ylabel: "value", height: 240, lines: [
      { points: [...seen].map((v, k) => [first + k, v]), name: "observed", color: "data", dots: 2.5 },
      { points: steps(before), name: "forecast", color: "forecast", width: 2.5 },
      ...(nudge ? [{ points: steps(after), name: "after the nudge", color: "truth", dash: "6 3", width: 2.5 }] : []),
      { points: [[origin, history[origin]]], name: "last known value", color: "limit", dots: 5 }] });
    this.drawMoves(moves, horizon);
    this.describe(before, after, moves);
  }

  drawMoves(moves, horizon) {
    const top = Math.max(0.1, ...moves);
    const bars = (px, py) => [...moves].map((v, k) => {
      const left = px(k + 0.65), width = px(k + 1.35) - left;
      return `<rect style="--color:var(--truth)" x="${left}" y="${py(v)}" width="${width}" height="${Math.max(0, py(0) - py(v))}"/>`;
    }).join("");
    this.plot("moves", { x: [0.5, horizon + 0.5], y: [0, top], height: 150, lines: [],
      xlabel: "step of the forecast", ylabel: "how far it moves", more: bars });
  }

  describe(before, after, moves) {
    const { nudge, origin } = this.state;
    const { series } = this.known;
    const stay = moves.filter((v) => v === 0).length;
    this.say(!nudge ? "Nudge the last observation: each step that moves has seen it."
      : !stay ? `All ${moves.length} steps move, by up to ${Math.max(...moves).toPrecision(2)}.`
      : `${stay} of ${moves.length} steps stay exactly where they were: they were made without the last observation.`);
    this.table("values", ["step", "observed", "forecast", "after the nudge"], [...before].map((v, k) =>
      [k + 1, series[origin + 1 + k].toFixed(2), v.toFixed(2), after[k].toFixed(2)]));
  }
}

export default { render: widget("forecast-explorer") };
if (!customElements.get("forecast-explorer")) customElements.define("forecast-explorer", ForecastExplorer);
