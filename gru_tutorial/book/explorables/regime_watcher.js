// <regime-watcher>: a series with a hidden switch, step by step: the
// exact probability of its position, and what one unit of a trained GRU does.
//
// Attributes, numbers as float32 in a data address: series, regime (0 or 1),
// probability (of regime 1, from the values so far), states (steps * hidden numbers);
// and units, how many they are.
import { Explorable, widget } from "./base.js";

const SHOWN = 80; // steps

/** Return the correlation of two sequences. */
export function correlation(a, b) {
  const mean = (v) => v.reduce((x, y) => x + y, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    ab += (a[k] - ma) * (b[k] - mb);
    aa += (a[k] - ma) ** 2;
    bb += (b[k] - mb) ** 2;
  }
  return aa && bb ? ab / Math.sqrt(aa * bb) : 0;
}

export class RegimeWatcher extends Explorable {
  static title = "What does a unit know of the hidden switch?";
  static controls = {
    at: { kind: "range", label: "Step", value: 60, min: 10, max: 10000 },
    unit: { kind: "range", label: "Hidden unit, the best first", value: 0, min: 0, max: 100 },
    truth: { kind: "check", label: "Show the true switch", value: false },
  };

  /** Steps and units that the element has; it begins with the best unit. */
  get controls() {
    const { at, unit, truth } = RegimeWatcher.controls;
    const { series, best, hidden } = this.known;
    return { at: { ...at, label: `Step, of these ${series.length}`, max: series.length - 1 }, unit: { ...unit, max: hidden - 1, value: best }, truth };
  }

  /** What the attributes hold, and how each unit goes with the probability. */
  get known() {
    if (!this.kept) {
      const [series, regime, probability, states] =
        ["series", "regime", "probability", "states"].map((name) => this.numbers(name));
      const hidden = Number(this.getAttribute("units"));
      const units = Array.from({ length: hidden }, (_, j) => series.map((_, t) => states[t * hidden + j]));
      const follows = units.map((u) => correlation(u, probability));
      const sizes = follows.map(Math.abs);
      this.kept = { series, regime, probability, hidden, units, follows, best: sizes.indexOf(Math.max(...sizes)) };
    }
    return this.kept;
  }

  build() {
    return `<svg id="values-seen" role="img" aria-label="The series up to this step"></svg>
      <svg id="belief" role="img" aria-label="The exact probability and the unit's state"></svg>
      <details><summary>The steps shown as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="The steps shown"></div></details>`;
  }

  /** A unit's states, turned so that it goes with the probability, from 0 to 1. */
  scaled(unit) {
    const states = this.known.units[unit];
    const sign = this.known.follows[unit] < 0 ? -1 : 1;
    const turned = states.map((v) => sign * v);
    const [lo, hi] = [Math.min(...turned), Math.max(...turned)];
    return turned.map((v) => (v - lo) / (hi - lo || 1));
  }

  /** Return the last step, up to this one, at which the switch turned; or -1. */
  turned() {
    const { regime } = this.known;
    let t = this.state.at;
    while (t > 0 && regime[t] === regime[t - 1]) t -= 1;
    return t || -1;
  }

  /** Say how late probability and unit were on the other side. */
  aboutLast(state) {
    const { regime, probability } = this.known;
    const { at, unit } = this.state;
    const t = this.turned();
    if (t < 0) return "So far it has not turned.";
    const late = (line) => {
      let k = t;
      while (k <= at && (line[k] > 0.5) !== (regime[t] > 0)) k += 1;
      return k > at ? "not yet" : k === t ? "in the same step" : `${k - t} step${k - t > 1 ? "s" : ""} later`;
    };
    const wrong = (line) => regime.filter((side, k) => (line[k] > 0.5) !== (side > 0)).length;
    const sum = `Of all ${regime.length} steps, they are on the wrong side at ${wrong(probability)} and ${wrong(state)}.`;
    return `It last turned at step ${t}. The exact probability crossed 0.5 ${late(probability)}, unit ${unit} ${late(state)}. ${sum}`;
  }

  draw() {
    const { series, regime, probability, follows } = this.known;
    const { at, unit, truth } = this.state;
    const first = Math.max(0, at - SHOWN + 1);
    const seen = (v) => Array.from({ length: at - first + 1 }, (_, k) => [first + k, v[first + k]]);
    const state = this.scaled(unit);
    this.result = { at, unit, state: state[at], probability: probability[at], follows: follows[unit] };
    const x = [first, first + SHOWN - 1];
    const [lo, hi] = [Math.min(...series), Math.max(...series)];
    this.plot("values-seen", { x, y: [lo, hi], xlabel: "step", ylabel: "value", height: 200,
      lines: [{ points: seen(series), name: "series so far", color: "data" }] });
    const turns = (px) => (!truth ? "" : Array.from({ length: at - first }, (_, k) => first + k + 1)
      .filter((t) => regime[t] !== regime[t - 1])
      .map((t) => `<path stroke-dasharray="3 3" style="--width:1" d="M${px(t)} 24V180"/>`).join(""));
    this.plot("belief", { x, y: [0, 1], xlabel: "step", ylabel: "probability of +1; unit from 0 to 1", more: turns, lines: [
      { points: seen(probability), name: "the exact probability", color: "limit", width: 3 },
      { points: seen(state), name: `unit ${unit}`, color: "forecast", dash: "6 3" },
      ...(truth ? [{ points: seen(regime), name: "true switch (0: at −1)", color: "truth", dots: 3 }] : [])] });
    const up = probability[at] >= 0.5;
    this.say(`At step ${at} the switch is at ${up ? "+1" : "−1"} with the exact probability of ` +
      `${(up ? probability[at] : 1 - probability[at]).toFixed(2)}, from all values so far. ` +
      `Unit ${unit} is at ${state[at].toFixed(2)}, where 0 is the least it reaches and 1 the most. Over these ${series.length} steps the two have ` +
      `a correlation of ${Math.abs(follows[unit]).toFixed(2)}. ${truth ? this.aboutLast(state) : "How late does each notice? Show the true switch."}`);
    this.table("values", ["step", "value", "probability", `unit ${unit}`, "switch"], seen(series).map(([t, v]) =>
      [t, v.toFixed(2), probability[t].toFixed(2), state[t].toFixed(2), !truth ? "hidden" : regime[t] ? "+1" : "−1"]));
  }
}

export default { render: widget("regime-watcher") };
if (!customElements.get("regime-watcher")) customElements.define("regime-watcher", RegimeWatcher);
