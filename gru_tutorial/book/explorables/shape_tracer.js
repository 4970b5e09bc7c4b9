// <shape-tracer>: the shape of every tensor on its way through nn.GRU and a
// linear layer, or the message that PyTorch and GRUModel give.
import { Explorable, widget } from "./base.js";

// What the axes of x mean to the reader. A name is also a slider's.
const INPUTS = {
  btf: ["(batch, time, features)", ["batch", "time", "features"]],
  tbf: ["(time, batch, features)", ["time", "batch", "features"]],
  bt: ["(batch, time)", ["batch", "time"]],
  tf: ["(time, features)", ["time", "features"]],
  btf1: ["one axis too many", ["batch", "time", "features", "1"]],
};
const STATES = {
  none: "none",
  fits: "one that fits",
  literal: "(1, x.size(0), hidden)",
  swapped: "(batch, layers, hidden)",
  typed: "as typed",
};
const COLORS = { batch: "truth", time: "data", features: "limit", hidden: "forecast", wide: "forecast", rows: "ink" };

/** Return a shape as Python writes a tuple. */
export const tuple = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

const rowsOf = (s) => s.layers * (s.both ? 2 : 1);
const equal = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
const failure = (type, text, why) => ({ error: { type, text, why } });

/** Tell whether a text has whole numbers, and nothing else that counts. */
const isShape = (text) => /\d/.test(text) && !/[^-\d,() ]/.test(text);

/** Return the shapes of x and h0 (null: none) that the controls ask for. */
export function given(s) {
  const x = INPUTS[s.x][1].map((axis) => s[axis] ?? 1);
  const rows = rowsOf(s);
  const believed = x[s.batch_first || x.length !== 3 ? 0 : 1];
  const typed = isShape(s.typed) ? s.typed.match(/-?\d+/g) : [];
  const h0 = {
    none: null,
    fits: x.length === 2 ? [rows, s.hidden] : [rows, believed, s.hidden],
    literal: [1, x[0], s.hidden],
    swapped: [believed, rows, s.hidden],
    typed: typed.map(Number),
  }[s.h0];
  return { x, h0 };
}

/** Return what nn.GRU takes the axes of x for, if it takes them. */
export const axes = (s, x) => [null, null, ["time", "features"],
  s.batch_first ? ["batch", "time", "features"] : ["time", "batch", "features"]][x.length];

/**
 * Do what nn.GRU checks, in its order; return shapes, or the error.
 * @returns {{out: number[], h_n: number[]}|{error: object}}
 */
export function gru(s, x, h0) {
  if (x.length !== 2 && x.length !== 3) {
    return failure("ValueError", `GRU: Expected input to be 2D or 3D, got ${x.length}D instead`, "axes");
  }
  const batched = x.length === 3;
  if (h0 && h0.length !== x.length) {
    const kind = batched ? "batched 3-D" : "unbatched 2-D";
    return failure("RuntimeError",
      `For ${kind} input, hx should also be ${x.length}-D but got ${h0.length}-D tensor`, kind);
  }
  if (x.at(-1) !== s.input_size) {
    return failure("RuntimeError",
      `input.size(-1) must be equal to input_size. Expected ${s.input_size}, got ${x.at(-1)}`, "input");
  }
  const expected = [rowsOf(s), batched ? x[axes(s, x).indexOf("batch")] : 1, s.hidden];
  const found = h0 && !batched ? [h0[0], 1, h0[1]] : h0;
  if (found && !equal(found, expected)) {
    return failure("RuntimeError", `Expected hidden size ${tuple(expected)}, got [${found.join(", ")}]`, "state");
  }
  const out = [...x.slice(0, -1), s.hidden * (s.both ? 2 : 1)];
  return { out, h_n: batched ? expected : [expected[0], expected[2]] };
}

/** Return the shape of GRUModel's forecast, or its error. */
export function model(s, x, h0) {
  const features = s.input_size;
  if (x.length !== 3 || x[2] !== features) {
    const flat = x.length === 2;
    const mend = flat && x[1] === features ? "; for one window: x.unsqueeze(0)"
      : flat && features === 1 ? "; for windows of one feature: x.unsqueeze(-1)" : "";
    return failure("ValueError", `x: expected shape (batch, time, ${features}), got ${tuple(x)}${mend}`);
  }
  const expected = [rowsOf(s), x[0], s.hidden];
  if (h0 && !equal(h0, expected)) {
    return failure("ValueError", "h0: expected shape (num_layers * directions, batch, hidden_size) = " +
      `${tuple(expected)}, got ${tuple(h0)}; model.initial_state(x) gives such zeros`);
  }
  return { forecast: [x[0], 1] };
}

/** Return the lines of Python whose shapes are shown. */
export function code(s, x, h0) {
  const more = (s.layers > 1 ? `, num_layers=${s.layers}` : "") + (s.both ? ", bidirectional=True" : "");
  const zeros = (shape) => `torch.zeros(${shape.length ? shape.join(", ") : "()"})`;
  const args = h0 ? "x, h0" : "x";
  return {
    gru: [`gru = nn.GRU(${s.input_size}, ${s.hidden}${more}${s.batch_first ? ", batch_first=True" : ""})`,
      `x = ${zeros(x)}`, ...(h0 ? [`h0 = ${zeros(h0)}`] : []), `out, h_n = gru(${args})`,
      "last = out[:, -1, :]", `y_hat = nn.Linear(${s.hidden * (s.both ? 2 : 1)}, 1)(last)`].join("\n"),
    model: `model = GRUModel(${s.input_size}, ${s.hidden}${more})\ny_hat = model(${args})`,
  };
}

export class ShapeTracer extends Explorable {
  static title = "What shape does each tensor have, and what stops the model?";
  static style = `pre { margin: 0 0 .75rem; padding: .5rem .75rem; overflow-x: auto; background: var(--soft);
      font: .85rem/1.5 var(--book-mono, ui-monospace, monospace) }
    .shapes th, .shapes td { text-align: left; padding: .3rem .6rem .3rem 0; vertical-align: top }
    .shapes th { font-weight: 600 } .shapes td:nth-child(2) { white-space: nowrap }
    .axis { display: inline-block; white-space: nowrap; margin: 0 .6rem .1rem 0; border-bottom: 3px solid var(--color) }
    .error { border-left: 4px solid var(--forecast); padding-left: .75rem; overflow-wrap: anywhere }
    .error b { color: var(--forecast) }`;
  static controls = {
    x: { kind: "select", label: "x, as you mean it", value: "btf",
      options: Object.fromEntries(Object.entries(INPUTS).map(([k, [name]]) => [k, name])) },
    batch: { kind: "range", label: "Batch: windows in x", value: 32, min: 1, max: 64 },
    time: { kind: "range", label: "Time: steps of a window", value: 24, min: 1, max: 48 },
    features: { kind: "range", label: "Features of a step", value: 1, min: 1, max: 6 },
    input_size: { kind: "range", label: "Layer: input_size", value: 1, min: 1, max: 48 },
    hidden: { kind: "range", label: "Layer: hidden_size", value: 8, min: 1, max: 64 },
    layers: { kind: "range", label: "Layer: num_layers", value: 1, min: 1, max: 4 },
    both: { kind: "check", label: "bidirectional", value: false },
    batch_first: { kind: "check", label: "batch_first", value: true },
    h0: { kind: "select", label: "Shape of h0", value: "none", options: STATES },
    typed: { kind: "text", label: "Type a shape for h0", value: "1, 32, 8",
      pattern: "^[-\\w.,() ]{0,30}$" },
  };

  build() {
    return `<pre id="code" tabindex="0" role="region" aria-label="The code"></pre>
      <p class="error" id="error"></p>
      <div class="scroll" style="max-height:none" id="shapes" tabindex="0" role="region" aria-label="All shapes"></div>
      <p id="model"></p>`;
  }

  /** Who types a shape wants it. */
  changed(changes) {
    if ("typed" in changes && !("h0" in changes)) this.state.h0 = "typed";
  }

  /** Follow the shapes; an error ends the way. */
  trace() {
    const s = this.state;
    const { x, h0 } = given(s);
    const none = h0?.some((v) => v < 0) && failure("RuntimeError", "zeros: Dimension size must be non-negative.", "negative");
    const found = { x, h0: none ? undefined : h0, read: axes(s, x), ...(none || gru(s, x, h0)), code: code(s, x, h0), model: none || model(s, x, h0) };
    if (found.out?.length === 2) {
      found.error = { type: "IndexError", text: "too many indices for tensor of dimension 2", why: "index" };
    } else if (found.out) {
      found.last = [found.out[0], found.out[2]];
      found.forecast = [found.out[0], 1];
    }
    return found;
  }

  draw() {
    const found = (this.result = this.trace());
    const at = (id) => this.shadowRoot.getElementById(id);
    at("code").textContent = found.code.gru;
    at("shapes").innerHTML = this.rows(found);
    at("error").hidden = !found.error;
    at("error").innerHTML = found.error ? `<b>${found.error.type}:</b> ${found.error.text}` : "";
    const { forecast, error } = found.model;
    at("model").innerHTML = `<code>GRUModel</code> ${forecast
      ? `gives a forecast of shape <b>${tuple(forecast)}</b>.` : `says: <b>${error.type}:</b> ${error.text}`}`;
    at("model").className = error ? "error" : "";
    const nothing = this.state.h0 === "typed" && !isShape(this.state.typed);
    this.say(nothing ? `${this.state.typed.trim() ? `“${this.state.typed}” is no shape. ` : ""}Type numbers for h0, such as ${given({ ...this.state, h0: "fits" }).h0.join(", ")}.`
      : error || found.error ? this.whyNot(found) : this.whyDoubt(found));
  }

  /** Return the table of shapes as HTML, each axis with its name. */
  rows({ x, h0, out, h_n, read, last, forecast }) {
    const names = read ? read.slice(0, -1) : [];
    const state = (shape) => ["rows", ...(shape?.length === 3 ? ["batch"] : []), "hidden"];
    const meant = INPUTS[this.state.x][1];
    const all = [
      ["x, as you mean it", x, meant],
      ["x, as nn.GRU reads it", read && x, read],
      ["h0", h0, h0?.length === 2 || h0?.length === 3 ? state(h0) : []],
      ["out", out, [...names, "wide"]],
      ["h_n", h_n, state(h_n)],
      ["out[:,\u00a0-1,\u00a0:]", last, [names[0], "wide"]],
      ["forecast", forecast, [names[0], "value"]],
    ];
    const about = { out: "the top layer's state, after each step", h_n: "each layer's state, after the last step" };
    const wanted = { h0: h0?.length === read?.length && given({ ...this.state, h0: "fits" }).h0 };
    const chip = (size, name = "?", right = size) =>
      `<span class="axis" style="--color:var(--${COLORS[name] ?? "soft"})">${size} ${this.word(name, size)}${right === size ? "" : ` <b>(not ${right})</b>`}</span>`;
    return `<table class="shapes"><thead><tr><th scope="col">tensor</th><th scope="col">shape</th><th scope="col">axes</th></tr></thead>
      <tbody>${all.map(([name, shape, axes]) => `<tr><th scope="row">${name}</th><td>${shape ? tuple(shape) : "–"}</td>
      <td>${shape ? shape.map((size, k) => chip(size, axes[k], wanted[name]?.[k])).join("") : name === "h0" && h0 === null ? "none: zeros" : "not reached"}${
        shape && about[name] ? `<br><small>${about[name]}</small>` : ""}</td></tr>`).join("")}</tbody></table>`;
  }

  word(name, size) {
    const { both } = this.state;
    if (name === "rows") return both ? "layers · directions" : this.state.layers === 1 ? "layer" : "layers";
    if (name === "wide") return both ? `= 2 × ${this.state.hidden} hidden` : "hidden";
    return name === "1" ? "" : name === "features" && size === 1 ? "feature" : name;
  }

  /** Say what the message means. */
  whyNot({ x, error }) {
    const s = this.state, rows = rowsOf(s);
    return {
      axes: "A GRU reads three axes, or two for one window without a batch.",
      "batched 3-D": "This x has a batch, so h0 needs three axes: (layers · directions, batch, hidden).",
      "unbatched 2-D": "nn.GRU takes an x of two axes for one window without a batch. Look at the axes of x first: your windows may lack the axis for features.",
      input: `The last axis of x must hold the features. This layer expects ${s.input_size}, and finds ${x.at(-1)}.`,
      state: `h0 needs a row for each layer and direction, here ${rows}, then the batch, then hidden_size. batch_first does not apply to it.`,
      negative: "No axis can have less than 0 numbers. nn.GRU is not reached.",
      index: `nn.GRU took x for one window: ${x[0]} steps of ${x[1]} ${x[1] === 1 ? "feature" : "features"}. So out has no axis for the batch, and out[:, -1, :] fails.`,
    }[error?.why] ?? `nn.GRU runs, but reads x with batch_first=False. GRUModel always has the batch first, so this h0 does not fit it.`;
  }

  /** Say what is wrong although no message comes, or that nothing is. */
  whyDoubt({ read, forecast }) {
    const s = this.state;
    const meant = INPUTS[s.x][1];
    if (!equal(read, meant)) {
      return `No message comes, but nn.GRU takes your ${s.batch} windows for ${s.batch} time steps, and your ${s.time} steps for a batch. ` +
        (forecast[0] === s.batch ? `Even the forecast's shape ${tuple(forecast)} looks right. ` : "") +
        "The state goes on from window to window, not from step to step.";
    }
    if (!s.batch_first) {
      return `No message comes, but time is the first axis of out. So out[:, -1, :] is the last window at all ${s.time} steps; out[-1] is the last step.`;
    }
    const fits = `Everything fits: ${s.batch} windows go in, ${s.batch} forecasts come out.`;
    return s.both ? `${fits} But the second direction ends at the first step, so in out[:, -1, :] it has read one value only. GRUModel takes it from out[:, 0].` : fits;
  }
}

export default { render: widget("shape-tracer") };
if (!customElements.get("shape-tracer")) customElements.define("shape-tracer", ShapeTracer);
