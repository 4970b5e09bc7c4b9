// <forecast-explorer>: a model that the notebook has trained, asked from any
// origin and for any horizon, beside the last value repeated and the best that
// is possible; and the visibility test by hand: nudge the last observation, and
// see which steps of the forecast move.
//
// Attributes, numbers as float32 in a data address: series, clean (the signal
// beneath, if it is known), weights-free, weights-direct, weights-blind (all a
// network's parameters in the engine's order); and units, horizon (the longest),
// window, mean, std, first (the first origin), floor (the least RMSE that can be
// expected, if it is known).
import { Network } from "./engine.js";
import { Explorable, widget } from "./base.js";

const KINDS = {
  free: "GRU, one step, fed back",
  direct: "GRU, direct: from the last state",
  blind: "GRU, late head (last states)",
  copy: "the last value, repeated",
};

export class ForecastExplorer extends Explorable {
  static title = "A forecast from any step";
  static controls = {
    model: { kind: "select", label: "Forecast by", value: "copy", options: KINDS },
    origin: { kind: "range", label: "Last known step", value: 0, min: 0, max: 10000 },
    horizon: { kind: "range", label: "Steps to forecast", value: 1, min: 1, max: 10000 },
    nudge: { kind: "range", label: "Nudge the last observation by", value: 0, min: -3, max: 3, step: 0.1,
      show: (v) => v.toFixed(1) },
  };

  /** Models that the element has weights of, and origins that have both sides. */
  get controls() {
    const { model, origin, horizon, nudge } = ForecastExplorer.controls;
    const known = Object.entries(KINDS).filter(([kind]) => kind === "copy" || this.hasAttribute(`weights-${kind}`));
    const first = this.size("first");
    const longest = this.size("horizon");
    const max = this.known.series.length - longest - 1;
    return {
      model: { ...model, options: Object.fromEntries(known), value: known[0][0] },
      origin: { ...origin, min: first, max, value: first },
      // Other heads have learnt one horizon.
      ...(this.hasAttribute("weights-free") ? { horizon: { ...horizon, max: longest } } : {}),
      nudge,
    };
  }

  /** Steps to forecast. */
  get horizon() {
    return this.state.horizon ?? this.size("horizon");
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
      this.kept = { series, networks, clean: this.numbers("clean") };
    }
    return this.kept;
  }

  build() {
    return `<svg id="path" role="img" aria-label="What is known, what comes, and the forecast"></svg>
      <svg id="moves" role="img" aria-label="How far each step of the forecast moves"></svg>
      <svg id="errors" role="img" aria-label="The error of forecasts from all over the series"></svg>
      <details><summary>The forecast as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="The forecast"></div></details>`;
  }

  /** Forecast the steps after a history, in the series' units. */
  forecast(history, model = this.state.model) {
    const { horizon } = this, mean = this.size("mean"), std = this.size("std");
    if (model === "copy") return new Float64Array(horizon).fill(history.at(-1));
    const x = history.slice(-this.size("window")).map((v) => (v - mean) / std);
    const network = this.known.networks[model];
    const y = model === "free" ? this.freeRun(network, x, history.length)
      : network.forward(x).slice(-this.size("horizon")).slice(0, horizon);
    return Float64Array.from(y, (v) => v * std + mean);
  }

  /** Feed each forecast back as the next input. */
  freeRun(network, x, known) {
    const { hidden } = network;
    const { horizon } = this;
    if (this.warm?.known !== known) { // all but the last value: a nudge leaves them
      network.forward(x.slice(0, -1));
      const end = (x.length - 1) * hidden;
      this.warm = { known, state: network.h.slice(end, end + hidden) };
    }
    let { state } = this.warm;
    const y = [x.at(-1)];
    while (y.length <= horizon) {
      y.push(network.forward([y.at(-1)], state)[0]);
      state = network.h.slice(hidden, 2 * hidden);
    }
    return y.slice(1);
  }

  draw() {
    const { series } = this.known;
    const { horizon } = this, { origin, nudge } = this.state;
    const history = series.slice(0, origin + 1);
    const copy = this.forecast(history, "copy");
    this.askAll();
    const before = this.forecast(history);
    history[origin] += nudge;
    const after = nudge ? this.forecast(history) : before;
    const moves = after.map((v, k) => Math.abs(v - before[k]));
    this.result = { before, after, moves, rmse: this.error(before, origin), naive: this.error(copy, origin) };
    this.drawPath(history, copy);
    this.drawMoves(moves);
    this.drawErrors();
    this.describe();
  }

  /** RMSE of a forecast from an origin. */
  error(y, origin) {
    const { series } = this.known;
    return Math.sqrt(y.reduce((sum, v, k) => sum + (v - series[origin + 1 + k]) ** 2, 0) / y.length);
  }

  /** Ask from origins all over the series, a few in each turn: the page goes on. */
  askAll() {
    const key = `${this.state.model} ${this.horizon}`;
    if (this.errors?.key === key) return;
    this.end();
    const { min, max } = this.controls.origin;
    const errors = (this.errors = { key, forecast: [], copy: [], done: false });
    let origin = min;
    const ask = () => {
      const { warm } = this;
      const until = performance.now() + 6;
      while (origin <= max && performance.now() < until) {
        const history = this.known.series.slice(0, origin + 1);
        errors.forecast.push([origin, this.error(this.forecast(history), origin)]);
        errors.copy.push([origin, this.error(this.forecast(history, "copy"), origin)]);
        origin += Math.ceil((max - min) / 60) || 1;
      }
      this.warm = warm;
      errors.done = origin > max;
      if (!errors.done) this.asking = setTimeout(ask, 10);
      this.drawErrors();
    };
    this.asking = setTimeout(ask, 10);
  }

  end() {
    clearTimeout(this.asking);
  }

  drawErrors() {
    const { forecast, copy } = this.errors;
    const { min, max } = this.controls.origin;
    const { origin, model } = this.state;
    const floor = this.size("floor");
    this.plot("errors", { x: [min, Math.max(max, min + 1)], y: [0, Math.max(0.1, ...forecast.concat(copy).map(([, v]) => v))],
      height: 170, xlabel: "last known step", ylabel: `RMSE of the ${this.horizon} steps after it`, lines: [
        ...(model === "copy" ? [] : [{ points: copy, name: "last value, repeated", color: "ink", dash: "2 4", width: 1.5 }]),
        ...(floor ? [{ points: [[min, floor], [max, floor]], name: "best possible, on average", color: "limit", dash: "6 4" }] : []),
        { points: forecast, name: "forecast", color: "forecast", width: 2.5 }],
      more: (px) => `<path stroke-dasharray="3 3" style="--width:1" d="M${px(origin)} 24V130"/>` });
  }

  drawPath(history, copy) {
    const { series, clean } = this.known;
    const { horizon } = this, { origin, nudge, model } = this.state;
    const { before, after } = this.result;
    const first = Math.max(0, origin - 50), end = origin + horizon;
    const seen = series.slice(first, end + 1);
    const all = [...seen, ...before, ...after, history[origin]];
    const [lo, hi] = [Math.min(...all), Math.max(...all)];
    const edge = 0.06 * (hi - lo || 1);
    const from = (step, y) => [...y].map((v, k) => [step + k, v]);
    const next = origin + 1;
    this.plot("path", { x: [first, end], y: [lo - edge, hi + edge], xlabel: "step", ylabel: "value", height: 240, lines: [
      { points: from(first, seen), name: "observed", color: "data", dots: 2.5 },
      ...(clean.length ? [{ points: from(next, clean.slice(next, end + 1)), name: "signal beneath", color: "limit" }] : []),
      ...(model === "copy" ? [] : [{ points: from(next, copy), name: "last value, repeated", color: "ink", dash: "2 4", width: 1.5 }]),
      { points: from(next, before), name: "forecast", color: "forecast", width: 2.5 },
      ...(nudge ? [{ points: from(next, after), name: "after the nudge", color: "truth", dash: "6 3", width: 2.5 }] : []),
      { points: [[origin, history[origin]]], name: "last known value", color: "ink", dots: 5 }] });
  }

  drawMoves(moves) {
    const { horizon } = this, { nudge } = this.state;
    this.shadowRoot.getElementById("moves").toggleAttribute("hidden", !nudge);
    if (!nudge) return;
    const top = Math.max(0.1, ...moves);
    const bars = (px, py) => [...moves].map((v, k) => {
      const left = px(k + 0.65), width = px(k + 1.35) - left;
      return `<rect style="--color:var(--truth)" x="${left}" y="${py(v)}" width="${width}" height="${Math.max(0, py(0) - py(v))}"/>`;
    }).join("");
    this.plot("moves", { x: [0.5, horizon + 0.5], y: [0, top], height: 150, lines: [],
      xlabel: "step of the forecast", ylabel: "how far it moves", more: bars });
  }

  describe() {
    const { nudge, origin } = this.state;
    const { before, after, moves, rmse, naive } = this.result;
    const { series } = this.known;
    const stay = moves.filter((v) => v === 0).length;
    const floor = this.hasAttribute("floor") ? ` The best forecast has ${this.size("floor").toFixed(2)}, on average over many origins.` : "";
    const by = Math.max(...moves).toPrecision(2);
    const moving = [...moves.keys()].filter((k) => moves[k] > 0);
    const moved = !nudge ? "Nudge the last observation: each step that moves depends on it."
      : moving.length === moves.length ? `All ${moves.length} steps move, by up to ${by}.`
      : moving.length === 1 ? `Only step ${moving[0] + 1} moves, by ${by}: the ${stay} others do not depend on the last observation.`
      : `${stay} of ${moves.length} steps stay exactly where they were: they do not depend on the last observation.`;
    this.say(`RMSE from this origin${nudge ? ", before the nudge" : ""}: ${rmse.toFixed(2)}. The last value, repeated: ${naive.toFixed(2)}.${floor} ${moved}`);
    this.table("values", ["step", "observed", "forecast", "after the nudge"], [...before].map((v, k) =>
      [k + 1, series[origin + 1 + k].toFixed(3), v.toFixed(3), after[k].toFixed(3)]));
  }
}

export default { render: widget("forecast-explorer") };
if (!customElements.get("forecast-explorer")) customElements.define("forecast-explorer", ForecastExplorer);
