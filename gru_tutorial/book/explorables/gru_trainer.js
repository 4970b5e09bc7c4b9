// <gru-trainer>: trains a GRU in the reader's browser, on the book's series or
// on numbers of their own, and holds it against the copy and a ridge. The work
// is done in a Web Worker, so that the page never waits; nothing leaves the page.
import { Network, generator, sigmoid } from "./engine.js";
import { Explorable, widget } from "./base.js";
import { Learner, bestRidge, bookSeries, error, parts, readNumbers, ridge, scaled, solve } from "./learning.js";

const MOST = 3000, EVERY = 20, PATIENCE = 15;

/** What the worker does: train until the validation error rests, and report. */
async function work({ series, ends, settings, limits }, post, asked) {
  const learner = new Learner(series, ends, settings);
  const rival = bestRidge(series, ends);
  let best = { loss: Infinity, updates: 0 };
  let updates = 0, train = 0, shown = 0;
  while (updates < limits.most && updates - best.updates < limits.patience * limits.every) {
    train += learner.update() / limits.every;
    updates += 1;
    if (updates % limits.every) continue;
    const valid = learner.validate();
    if (valid < best.loss) best = { loss: valid, updates, theta: learner.network.theta.slice() };
    const now = Date.now();
    const y = now - shown > 150 ? learner.forecast(ends.start) : null;
    if (y) shown = now;
    post({ updates, train, valid, y });
    train = 0;
    await asked(); // a pause, or the end
  }
  learner.network.theta.set(best.theta);
  post({ done: true, updates, best: best.updates, y: learner.forecast(ends.start), rival });
}

/** Return a worker that knows all it needs, from the sources of this page. */
function newWorker() {
  const known = [sigmoid, work].map((f) => `const ${f.name} = ${f};`)
    .concat([generator, Network, error, solve, ridge, bestRidge, Learner].map(String));
  const listen = `
    let paused = false, wake = () => {};
    const asked = async () => {
      await new Promise((done) => setTimeout(done));
      while (paused) await new Promise((done) => { wake = done; });
    };
    onmessage = ({ data }) => {
      if (data.paused !== undefined) { paused = data.paused; if (!paused) wake(); }
      else work(data, postMessage, asked);
    };`;
  const file = new Blob([known.join("\n"), listen], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(file));
}

const choice = (label, value, options) =>
  ({ kind: "select", label, value, options: Object.fromEntries(options.map((o) => [].concat(o, o).slice(0, 2))) });

/** An error with two decimals, or two digits if it is small. */
const short = (v) => (v < 0.1 ? v.toPrecision(2) : v.toFixed(2));

export class GruTrainer extends Explorable {
  static title = "Train a GRU here, in this page";
  static controls = {
    data: choice("Series", "book", [["book", "the book's: two waves and noise"], ["own", "your own numbers"]]),
    labels: choice("Labels", "each", [["each", "at every step"], ["window", "one a window"]]),
    hidden: { kind: "range", label: "Hidden units", value: 16, min: 4, max: 32, step: 4 },
    lr: choice("Learning rate", "0.01", ["0.001", "0.003", "0.01", "0.03", "0.1"]),
    noise: { kind: "range", label: "Noise on the inputs, in standard deviations", value: 0.5, min: 0, max: 1, step: 0.1, show: (v) => v.toFixed(1) },
    clip: choice("Clip the gradient at", "1", ["0.1", "1", "10", ["Infinity", "never"]]),
    seed: { kind: "range", label: "Seed", value: 0, min: 0, max: 9 },
  };
  static style = `.own { display: grid; gap: .5rem; margin-bottom: .75rem }
    #runs { font-size: .85rem } #runs :is(th, td) { padding: .1rem .35rem } .drop { outline: 2px dashed var(--accent) }`;

  build() {
    return `<div class="own" hidden><label>Your numbers: one a line, or a table whose last column counts
      <textarea id="numbers" rows="4" spellcheck="false"></textarea></label>
      <label>or a file (it stays on your machine) <input type="file" id="file" accept=".csv,.txt,.tsv"></label></div>
      <div class="buttons"><button class="main" data-act="train" id="train">Train</button></div>
      <svg id="losses" role="img" aria-label="Training and validation loss by updates"></svg>
      <svg id="forecast" role="img" aria-label="The test part and its forecast"></svg>
      <details open id="past"><summary>Your runs</summary><div class="scroll" id="runs" tabindex="0" role="region"
      aria-label="Your runs"></div></details>
      <details><summary>The losses as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="Losses"></div></details>`;
  }

  begin() {
    super.begin();
    const own = this.shadowRoot.querySelector(".own");
    const take = async (file) => {
      if (!file) return;
      this.shadowRoot.getElementById("numbers").value = await file.text();
      this.forget();
    };
    this.shadowRoot.getElementById("numbers").addEventListener("input", () => this.forget());
    this.shadowRoot.getElementById("file").addEventListener("change", (e) => take(e.target.files[0]));
    for (const kind of ["dragover", "dragleave", "drop"]) {
      own.addEventListener(kind, (event) => {
        event.preventDefault();
        own.classList.toggle("drop", kind === "dragover");
        if (kind === "drop") take(event.dataTransfer.files[0]);
      });
    }
  }

  /** Other settings, or other numbers: what was trained belongs to neither. */
  changed() { this.forget(); }

  forget() {
    this.end();
    this.run = null;
    this.redraw();
  }

  end() {
    this.worker?.terminate();
    this.worker = null;
  }

  reset() {
    this.forget();
    super.reset();
  }

  /** The series, its parts, and what errors are measured in; or an Error. */
  problem() {
    const own = this.state.data === "own";
    const book = own ? null : bookSeries(0);
    const values = own ? readNumbers(this.shadowRoot.getElementById("numbers").value) : book.values;
    const ends = parts(values.length, own ? undefined : 130);
    const { series, mean, std } = scaled(values, ends.valid);
    const copy = series.map((_, t) => series[t - 1]);
    const unit = own ? error(copy, series, ends.valid, ends.start) : book.noise / std ** 2;
    const clean = book?.clean.map((v) => (v - mean) / std);
    return { values, series, ends, mean, std, copy, unit, clean };
  }

  /** Begin, pause or go on. */
  train() {
    if (this.worker) {
      this.run.paused = !this.run.paused;
      this.worker.postMessage({ paused: this.run.paused });
      return this.redraw();
    }
    try {
      this.run = { ...this.problem(), history: [] };
    } catch (fault) {
      this.run = { fault: fault.message };
      return this.redraw();
    }
    const { hidden, lr, labels, clip, noise, seed } = this.state;
    const settings = { hidden, labels, noise, seed, lr: Number(lr), clip: Number(clip) };
    this.worker = newWorker();
    this.worker.onmessage = ({ data }) => this.hear(data);
    const { series, ends } = this.run;
    this.worker.postMessage({ series, ends, settings,
      limits: { most: MOST, every: EVERY, patience: PATIENCE } });
    this.redraw();
  }

  /** Take a report of the worker. */
  hear(report) {
    const { run } = this;
    if (report.y) run.y = report.y;
    if (report.done) {
      Object.assign(run, { done: true, best: report.best, updates: report.updates });
      this.judge(report.rival);
      run.lags = report.rival.lags;
      this.remember();
      this.end();
    } else {
      run.history.push([report.updates, report.train / run.unit, report.valid / run.unit]);
    }
    this.redraw();
  }

  /** Errors on the test part; for the book's series, those to be expected. */
  judge(rival) {
    const { run } = this;
    const { start } = run.ends;
    const end = run.series.length;
    const score = (y) => (run.clean
      ? 1 + error(y, run.clean, start, end) / run.unit
      : error(y, run.series, start, end) / error(run.copy, run.series, start, end));
    run.scores = { gru: score(run.y), ridge: score(rival.y), copy: score(run.copy) };
  }

  /** Keep what a run gave, to compare others with. */
  remember() {
    const { data, labels, hidden, lr, noise, clip, seed } = this.state;
    const { scores, best } = this.run;
    this.past ??= [];
    this.past.push([this.past.length + 1, short(scores.gru), short(scores.ridge), seed, best,
      hidden, lr, noise, clip, labels === "each" ? "steps" : "window", data]);
  }

  draw() {
    const run = this.run ?? {};
    this.table("runs", ["run", "GRU", "ridge", "seed", "best at", "units", "rate", "noise", "clip", "labels", "series"],
      this.past ?? []);
    this.shadowRoot.getElementById("past").hidden = !this.past;
    this.shadowRoot.querySelector(".own").hidden = this.state.data !== "own";
    this.shadowRoot.getElementById("train").textContent =
      !this.worker ? "Train" : run.paused ? "Go on" : "Pause";
    const history = run.history ?? [];
    const last = Math.max(200, ...history.slice(-1).map(([k]) => k));
    const book = this.state.data === "book";
    this.plot("losses", { x: [0, last], y: [0, book ? 4 : 1.5], xlabel: "updates",
      ylabel: `MSE, as a multiple of ${book ? "the noise floor" : "the copy's"}`, lines: [
        { points: history.map(([k, train]) => [k, train]), name: this.state.noise ? "training, with the noise" : "training", color: "data" },
        { points: history.map(([k, , valid]) => [k, valid]), name: "validation", color: "forecast", width: 3 },
        { points: [[0, 1], [last, 1]], name: book ? "floor" : "the copy", color: "limit", dash: "6 4" }] });
    this.drawForecast(run, book);
    this.result = { history, scores: run.scores ?? null, done: Boolean(run.done),
      updates: run.updates ?? 0, fault: run.fault ?? null };
    this.table("values", ["updates", "training", "validation"],
      history.map(([k, a, b]) => [k, a.toFixed(3), b.toFixed(3)]));
    this.say(this.words(run, history));
  }

  drawForecast(run, book) {
    let shown = run.values ? run : null;
    if (!shown) {
      try { shown = this.problem(); } catch { shown = null; }
    }
    if (!shown) return this.plot("forecast", { x: [0, 1], y: [0, 1], xlabel: "step", ylabel: "", lines: [] });
    const { values, ends, mean, std } = shown;
    const first = Math.max(ends.start, values.length - 200);
    const part = (y) => Array.from({ length: values.length - first }, (_, k) => [first + k, y[first + k]]);
    const known = [...values.slice(first)];
    const edge = 0.1 * (Math.max(...known) - Math.min(...known) || 1);
    return this.plot("forecast", { x: [first, values.length - 1], y: [Math.min(...known) - edge, Math.max(...known) + edge],
      xlabel: "step", ylabel: "test part", lines: [
        { points: part(values), name: "observed", color: "data", dots: 2.5 },
        ...(run.y ? [{ points: part(run.y.map((v) => v * std + mean)), name: "forecast, one step ahead", color: "forecast", width: 2.5 }] : [])] });
  }

  /** Say how many numbers were read, and which. */
  wordsOf(values) {
    const [first, second] = values;
    return `Read ${values.length} numbers: ${first}, ${second} … ${values.at(-1)}. `;
  }

  words(run, history) {
    const book = this.state.data === "book";
    const text = this.shadowRoot.getElementById("numbers").value;
    let read = "";
    try {
      if (!book && text.trim() && !run.fault) read = this.wordsOf(this.problem().values);
    } catch (fault) {
      run.fault = fault.message;
    }
    if (run.fault) return `Your numbers: ${run.fault}.`;
    if (!run.done) {
      const at = history.at(-1);
      return !at ? `${read}Press Train. The network learns from the training part, and stops when it gets no better on the validation part.`
        : `${run.paused ? "Paused after update" : "Update"} ${at[0]}: validation error ${at[2].toFixed(2)} times ${book ? "the noise floor" : "the copy's"}.`;
    }
    const { gru, ridge: line, copy } = run.scores;
    const rival = Math.min(line, copy);
    const verdict = Math.abs(gru - rival) < 0.05 * rival ? "The difference is below 5 %"
      : gru < rival ? "The GRU is ahead" : `The ${line < copy ? "ridge" : "copy"} is ahead`;
    const unit = book ? "times the noise floor" : "times the copy's error";
    const others = `a ridge on the last ${run.lags} values has ${short(line)}${book ? `, the copy ${short(copy)}` : ""}`;
    return `Best after ${run.best} updates, stopped at ${run.updates}. On the ${run.values.length - run.ends.start} values of the test part the GRU's mean squared error is ` +
      `${short(gru)} ${unit}; ${others}. ${verdict}. One seed says little: try others.`;
  }
}

export default { render: widget("gru-trainer") };
if (!customElements.get("gru-trainer")) customElements.define("gru-trainer", GruTrainer);
