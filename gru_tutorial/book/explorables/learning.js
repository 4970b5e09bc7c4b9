// Training a GRU on a series in the reader's browser, and what to hold it
// against. All of it is plain functions of numbers; gru_trainer.js draws.
import { Network, generator } from "./engine.js";

/** The book's series: two waves, and noise of deviation 0.35. */
export function bookSeries(seed = 0, length = 850) {
  const { normal } = generator(1000 + seed);
  const clean = Float64Array.from({ length }, (_, t) =>
    2 + 1.5 * Math.sin((2 * Math.PI * t) / 50) + 0.8 * Math.sin((2 * Math.PI * t) / 18 + 0.7));
  return { clean, values: clean.map((v) => v + 0.35 * normal()), noise: 0.35 ** 2 };
}

/**
 * Read a series from text: a number a line, or the last column that has numbers
 * in most lines of a table. Commas may be decimal. Throws an Error that says what came instead.
 */
export function readNumbers(text, most = 5000) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  const flat = lines.length === 1 ? lines[0].trim().split(/[\s;,]+/) : null;
  const separator = [";", "\t"].find((mark) => lines.some((line) => line.includes(mark))) ?? ",";
  // 9,41 on each line, and nothing that counts before the comma: decimal commas
  const whole = lines.slice(1).map((line) => Number(/^"?([-+]?\d+),\d+"?$/.exec(line.trim())?.[1] ?? NaN));
  const counts = whole.every((v, k) => !k || v > whole[k - 1]);
  const decimal = !flat && (separator !== "," || (whole.every(Number.isFinite) && !counts));
  const plain = (v) => (decimal ? v.replace(/^("?[-+]?\d*),(\d+"?)$/, "$1.$2") : v);
  const rows = flat ? flat.map((v) => [v])
    : lines.map((line) => (decimal && separator === "," ? [line] : line.split(separator)).map((v) => plain(v.trim())));
  const width = Math.max(0, ...rows.map((row) => row.length));
  for (let k = width - 1; k >= 0; k--) {
    const column = rows.map((row) => (row[k] ?? "").trim().replaceAll('"', ""));
    const values = column.map((v) => (v === "" ? NaN : Number(v)));
    const first = Number.isFinite(values[0]) ? 0 : 1; // a heading
    const bad = values.findIndex((v, at) => at >= first && !Number.isFinite(v));
    if (values.filter(Number.isFinite).length <= rows.length / 2) continue;
    if (bad >= 0) throw new Error(`line ${bad + 1}: expected a number, got "${column[bad]}"`);
    const kept = values.slice(first);
    if (kept.length < 60) throw new Error(`expected 60 numbers or more, got ${kept.length}`);
    if (kept.every((v) => v === kept[0])) throw new Error("all numbers are the same");
    return Float64Array.from(kept.slice(-most));
  }
  throw new Error("expected numbers, one a line or in a column, got none");
}

/** Where training, validation and test part end. */
export function parts(length, test = Math.round(0.15 * length)) {
  const start = length - test; // of the test part
  return { valid: start - Math.round(0.2 * start), start };
}

/** Return the series scaled by the training part, and its mean and deviation. */
export function scaled(values, end) {
  const known = values.slice(0, end);
  const mean = known.reduce((a, b) => a + b, 0) / end;
  const std = Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / end) || 1;
  return { series: values.map((v) => (v - mean) / std), mean, std };
}

/** Mean squared error of forecasts y of `values`, from `first` up to `end`. */
export function error(y, values, first, end) {
  let sum = 0;
  for (let t = first; t < end; t++) sum += (y[t] - values[t]) ** 2;
  return sum / (end - first);
}

/** A network, its optimiser's state, and how it takes its examples. */
export class Learner {
  /**
   * @param {Float64Array} series scaled
   * @param {{valid: number, start: number}} ends of training and validation part
   * @param {{hidden: number, lr: number, labels: string, clip: number,
   *   noise: number, seed: number}} settings `labels` is "each" or "window"
   */
  constructor(series, ends, settings) {
    Object.assign(this, { series, ends, settings });
    this.network = new Network({ hidden: settings.hidden, seed: settings.seed });
    this.random = generator(settings.seed + 7919);
    this.window = Math.min(24, Math.floor(ends.valid / 3));
    const room = ends.valid - 1;
    // A label for every step: long chunks, the first steps of which only warm up.
    this.plan = settings.labels === "each"
      ? { length: Math.min(150, Math.floor(room / 2)), count: 3, unscored: Math.min(25, Math.floor(room / 8)) }
      : { length: this.window, count: 18, unscored: this.window - 1 };
  }

  /** One update on random pieces of the training part; returns their loss. */
  update() {
    const { network, series, random, plan } = this;
    const { noise, lr, clip } = this.settings;
    const scale = plan.count * (plan.length - plan.unscored);
    let loss = 0;
    for (let k = 0; k < plan.count; k++) {
      const first = Math.floor(random.uniform() * (this.ends.valid - plan.length));
      const x = series.slice(first, first + plan.length);
      if (noise) for (let t = 0; t < x.length; t++) x[t] += noise * random.normal();
      const y = network.forward(x);
      const dy = new Float64Array(plan.length);
      for (let t = plan.unscored; t < plan.length; t++) {
        const e = y[t] - series[first + t + 1];
        loss += (e * e) / scale;
        dy[t] = (2 * e) / scale;
      }
      network.backward(x, dy);
    }
    network.update({ lr, clip });
    return loss;
  }

  /** Forecast each step from `first` on from all before, or from its window. */
  forecast(first = 0, end = this.series.length) {
    const { network, series, window } = this;
    const y = new Float64Array(end).fill(NaN);
    if (this.settings.labels === "each") {
      y.set(network.forward(series.subarray(0, end - 1)), 1);
      return y;
    }
    for (let t = Math.max(first, window); t < end; t++) {
      y[t] = network.forward(series.subarray(t - window, t))[window - 1];
    }
    return y;
  }

  /** Mean squared error on the validation part, in scaled units. */
  validate() {
    const { valid, start } = this.ends;
    return error(this.forecast(valid, start), this.series, valid, start);
  }
}

/** Solve A x = b for a symmetric positive A (rows of numbers), by Cholesky. */
export function solve(A, b) {
  const n = b.length;
  const L = A.map((row) => Float64Array.from(row));
  const x = Float64Array.from(b);
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) for (let i = j; i < n; i++) L[i][j] -= L[i][k] * L[j][k];
    const d = Math.sqrt(L[j][j]);
    for (let i = j; i < n; i++) L[i][j] /= d;
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= L[i][k] * x[k];
    x[i] /= L[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= L[k][i] * x[k];
    x[i] /= L[i][i];
  }
  return x;
}

/** Ridge regression of a scaled series on its last values, fitted up to `end`. */
export function ridge(series, lags, penalty, end) {
  const size = lags + 1; // the last one is the constant, which is not shrunk
  const A = Array.from({ length: size }, () => new Float64Array(size));
  const b = new Float64Array(size);
  const row = new Float64Array(size).fill(1);
  for (let t = lags; t < end; t++) {
    row.set(series.subarray(t - lags, t));
    for (let i = 0; i < size; i++) {
      b[i] += row[i] * series[t];
      for (let j = 0; j <= i; j++) A[i][j] += row[i] * row[j];
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) A[j][i] = A[i][j];
    if (i < lags) A[i][i] += penalty;
  }
  const weights = solve(A, b);
  const y = new Float64Array(series.length).fill(NaN);
  for (let t = lags; t < series.length; t++) {
    y[t] = weights[lags];
    for (let k = 0; k < lags; k++) y[t] += weights[k] * series[t - lags + k];
  }
  return y;
}

/** The ridge whose lags and penalty are best on the validation part. */
export function bestRidge(series, ends) {
  let best = { loss: Infinity };
  for (const lags of [10, 24, 50, 100].filter((n) => n < ends.valid / 4)) {
    for (const penalty of [0.1, 1, 10, 100]) {
      const loss = error(ridge(series, lags, penalty, ends.valid), series, ends.valid, ends.start);
      if (loss < best.loss) best = { loss, lags, penalty };
    }
  }
  return { ...best, y: ridge(series, best.lags, best.penalty, ends.valid) };
}
