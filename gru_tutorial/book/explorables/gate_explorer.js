// <gate-explorer>: one GRU unit, its gates and its state, step by step, and
// how much the last state still depends on each input. With the attribute
// `only` it is small: the landing page has one slider and one chart; `href` is
// where the whole one stands.
import { Network } from "./engine.js";
import { Explorable, widget } from "./base.js";

const STEPS = 40;
const INPUTS = {
  pulse: ["one pulse", (t) => (t >= 4 && t < 6 ? 1 : 0)],
  step: ["a step", (t) => (t >= 8 ? 1 : -1)],
  square: ["a square wave", (t) => (Math.floor(t / 8) % 2 ? -1 : 1)],
  sine: ["a sine wave", (t) => Math.sin((2 * Math.PI * t) / 20)],
};
const PRESETS = {
  own: ["your own setting", {}],
  rest: ["a gate at rest: all biases 0", { bz: 0, wz: 0, br: 0, wr: 0 }],
  keep: ["keep: update gate near 1", { bz: 4, wz: 0 }],
  follow: ["follow the input: update gate near 0", { bz: -4, wz: 0 }],
  pick: ["write at large inputs only", { bz: 4, wz: -8 }],
  fresh: ["ignore the past: reset gate near 0", { bz: -1, br: -5, wr: 0 }],
};
const two = (v) => v.toFixed(2);
const percent = (v) => (v < 0.001 ? "less than 0.1" : v > 0.99 && v < 1 ? (100 * v).toFixed(2) : String(Number((100 * v).toPrecision(3))));
/** After how many steps half is left of what shrinks by a factor at each. */
const halfLife = (factor) => {
  const steps = Math.log(0.5) / Math.log(factor);
  return factor >= 1 || steps >= 1000 ? "over 1000" : steps.toFixed(1);
};
const logs = (values) => [...values].map((v) => Math.log10(Math.max(v, 1e-12)));
const slider = (label, value, bound) =>
  ({ kind: "range", label, value, min: -bound, max: bound, step: 0.1, show: (v) => v.toFixed(1) });

export class GateExplorer extends Explorable {
  static title = "One GRU unit: what do its gates do?";
  static controls = {
    input: { kind: "select", label: "Input x", value: "pulse",
      options: Object.fromEntries(Object.entries(INPUTS).map(([k, [name]]) => [k, name])) },
    preset: { kind: "select", label: "Preset", value: "own",
      options: Object.fromEntries(Object.entries(PRESETS).map(([k, [name]]) => [k, name])) },
    bz: slider("Update gate z: bias", 0, 8),
    wz: slider("Update gate z: weight of x", 0, 8),
    br: slider("Reset gate r: bias", 0, 8),
    wr: slider("Reset gate r: weight of x", 0, 8),
    wn: slider("Candidate n: weight of x", 2, 4),
    un: slider("Candidate n: weight of the state", 1, 4),
    at: { kind: "range", label: "Read the values at step (dotted line)", value: 12, min: 0, max: STEPS - 1 },
  };

  get isSmall() {
    return this.hasAttribute("only");
  }

  get heading() {
    return this.isSmall ? "One GRU unit: how long does it remember?" : super.heading;
  }

  build() {
    if (this.isSmall) {
      return `<svg id="reach" role="img" aria-label="How much the last state depends on each input"></svg>
        <p><a>Open it in chapter 1, with this setting</a></p>`;
    }
    return `<svg id="gates" role="img" aria-label="Gates over time"></svg>
      <svg id="state" role="img" aria-label="Input, candidate and state over time"></svg>
      <svg id="reach" role="img" aria-label="How much the last state depends on each input"></svg>
      <details><summary>All values as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="All values"></div></details>`;
  }

  /** A preset moves its sliders; a slider moved by hand is one's own. */
  changed(changes) {
    if (changes.preset && changes.preset !== "own") {
      const given = PRESETS[this.state.preset][1];
      for (const [name, value] of Object.entries(given)) {
        if (!(name in changes)) this.state[name] = value;
      }
    } else if (Object.keys(changes).some((name) => /^[bwu]./.test(name))) {
      this.state.preset = "own";
    }
  }

  /** Run the unit; return all its numbers, and the gradient by each input. */
  run(bz = this.state.bz) {
    const { wz, br, wr, wn, un, input } = this.state;
    const network = new Network({ hidden: 1 });
    network.theta.set([wr, wz, wn, 0, 0, un, br, bz, 0, 0, 0, 0, 1, 0]);
    const x = Float64Array.from({ length: STEPS }, (_, t) => INPUTS[input][1](t));
    network.forward(x);
    const last = new Float64Array(STEPS);
    last[STEPS - 1] = 1;
    const reach = network.backward(x, last).map(Math.abs);
    const { r, z, n } = network;
    return { x, r, z, n, h: network.h.slice(1), reach };
  }

  draw() {
    const run = (this.result = this.run());
    if (this.isSmall) return this.drawSmall(run);
    const { at } = this.state;
    const cursor = (px) => `<path style="--width:1" stroke-dasharray="3 3" d="M${px(at)} 24V180"/>`;
    const x = [0, STEPS - 1];
    this.plot("gates", { x, y: [0, 1], xlabel: "step t", ylabel: "gates", more: cursor, lines: [
      { values: run.z, name: "update gate z", color: "limit", width: 3 },
      { values: run.r, name: "reset gate r", color: "data", dash: "6 4" }] });
    this.plot("state", { x, y: [-1.1, 1.1], xlabel: "step t", ylabel: "values", more: cursor, lines: [
      { values: run.x, name: "input x", color: "data", dash: "2 3" },
      { values: run.n, name: "candidate n", color: "truth", dash: "8 4" },
      { values: run.h, name: "state h", color: "forecast", width: 3 }] });
    this.plot("reach", { x, y: [-12, 1], xlabel: "step t of the input",
      ylabel: "|∂h / ∂x(t)|, power of 10 (−12: or less)", more: cursor, lines: [
        ...(this.state.bz ? [{ values: logs(this.run(0).reach), name: "with a bias of 0 for z", color: "data", dash: "2 4" }] : []),
        { values: logs(run.reach), name: "effect on the last state", color: "forecast", width: 3 }] });
    this.describe(run);
  }

  /** One chart: what is left of an input, by the steps since it came. */
  drawSmall(run) {
    const { bz } = this.state;
    const z = run.z[0], half = Math.log(0.5) / Math.log(z);
    const mark = (px) => (half < STEPS - 6
      ? `<path style="--width:1" stroke-dasharray="3 3" d="M${px(half)} 24V160"/><text x="${px(half) + 5}" y="36">half is left</text>` : "");
    this.plot("reach", { x: [0, STEPS - 1], y: [-12, 0], xlabel: "steps since the input came", height: 200,
      ylabel: "effect on h, power of 10 (−12: or less)", more: mark, lines: [
        { values: logs(run.reach).reverse(), name: `bias ${bz.toFixed(1)}`, color: "limit", width: 3 },
        { values: logs(this.run(0).reach).reverse(), name: "bias 0, about PyTorch's", color: "forecast", dash: "2 4" }] });
    this.say(`The gate keeps ${percent(z)} % of the state at each step. Of an input's effect, half is left after ` +
      `${halfLife(z)} steps, ${percent(z ** 20)} % after 20, and ${percent(z ** (STEPS - 1))} % after ${STEPS - 1}. ` +
      "A gate that keeps more takes in less: its line begins lower.");
    const differs = Object.entries(this.state).filter(([name, v]) => v !== GateExplorer.controls[name].value);
    this.shadowRoot.querySelector("a").href = `${this.getAttribute("href")}?${new URLSearchParams(differs)}`;
  }

  describe(run) {
    const { at } = this.state;
    const z = run.z[at];
    const left = run.reach[0] / run.reach[STEPS - 1];
    const names = [["x", "input"], ["r", "reset gate"], ["z", "update gate"], ["n", "candidate"], ["h", "state"]];
    this.say(`At step ${at}: ${names.map(([k, name]) => `${name} ${k} = ${two(run[k][at])}`).join(", ")}; ` +
      `the last state's gradient by this input is ${run.reach[at].toExponential(1).replace("e+0", "").replace("-", "−")}. ` +
      `Such an update gate alone keeps ${percent(z)} % of the state at each step: half is left after ${halfLife(z)} steps. ` +
      (this.state.un ? "The candidate feeds some of the state back. With it, over these " : "Over these ") + (left > 0 && left < 1
        ? `${STEPS} steps, the effect of an input halves every ${halfLife(left ** (1 / (STEPS - 1)))} steps on average; of the first one's, ${percent(left)} % is left.`
        : `${STEPS} steps, the first input counts ${left >= 1 ? "as much as the last" : "no longer"}.`));
    this.table("values", ["t", "x", "r", "z", "n", "h", "gradient"], [...run.x].map((_, t) =>
      [t, ...names.map(([k]) => two(run[k][t])), run.reach[t].toExponential(1)]));
  }
}

export default { render: widget("gate-explorer") };
if (!customElements.get("gate-explorer")) customElements.define("gate-explorer", GateExplorer);
