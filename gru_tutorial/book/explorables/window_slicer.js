// <window-slicer>: windows and labels on the book's series, how they are
// divided into training and test, and which of them leak.
import { generator } from "./engine.js";
import { Explorable, widget } from "./base.js";

const LENGTH = 850;
// The noise of make_series(seed=0) in thousandths, plus 2048, as two digits of
// base 64 each.
const NOISE =
  "gsfSjggldFh-nIlLcKZFcmgOTSezZMcAdCeRiQltfTnecXh7k8ghb8a9dghNafe3fIi9hLh8cbfTkSoLZHoSnXkRhdeSn+qup3nM" +
  "h9ZZf+jmY9iKiWj0ZicYdnZnphdShzeloqnOjeT9gSjvlfcop+YycYlHgRq9hCcid8aCZBjdjLnFb4pPebondpb-hXlpg4czYrYV" +
  "iwlafGaIkyZAcGjZTsiHc0gmfmhHjzb3nxj+knmYkUkngaYNfRbzYOhac5aYaTheh+nPf7ltnrmTTEmuh3iUiCiGhweCVmfabnl6" +
  "ebgdbXdNf8X4hpfbZhS5i0eYdGetp8fvgeX4pBlBl1gRlBiCjXfLX8loVbese4aTjXe6dni2dZnmh7daVYY2l8fuedo-Y-czdbjN" +
  "cYcpXOj-kadZg5Y8dbnigwspbsjLe8jGf9c8bQwxflU+cdjtdRnclffLdbagcLX8mmotZIZiWVavPBZwnGeHkrdVpohGd6t9eOZV" +
  "hHfyl1a9kakqcWg5bds1cKdhaLeHf+kNcqe-YQbevFlsbvYsarf4gMb7Y+nyied9ezdHP8goaJahcgkAZmYKjgkIawjFeahpZHkk" +
  "mljfjDLYhbf3fNcjgTiQekdemuZ9lpg+bmeba+jsh6c9Z+hqlPfYiSd8gYeahnXwjhewh+eJhwaJmgWsaUhSoAhhepYNe9f5pQja" +
  "XprFd2bMoEfvd-hNkolcYfq7lLd7bhatgrcdb0kciAd2kBnfaBctlKj8hPmXaDX6bRgrbpdVarcnagiBkWdYe3c1i6gfouaBh-ib" +
  "eCjMYJrmYqlCZ4mTd5g3gTmBePPxb2hAdmkNljfMX3nkl7eXrieGZyfJl5a4qrbGlOi-fKl6XznbfqdCkGlzkNq8l6nBdDgljFf6" +
  "hqiVknfceGbebImafikTY6VaaRmRl2h0bnfSeYeHSTbUe9oTg4nqd2eoKriii-ppdWghcJZkcGeHnagBbrgyhMcTmQVre1jpYsh+" +
  "nFifWwcBmvhof9iaj8cIeagydCfRnGatqiqSWofPh4b2b9etkDdNp-hlfcn7jbiBeMp7kce5XYiDZwWneehjnBhjkaZTf4grkugp" +
  "kZdQh9iRZLg9eQVmlPeBbWd8gwoQfGilnhi7l2dZkOfsl4ahbvm8e7eCgbcPnSZLfLh5fbbnbQiVaXjiXrc+gNZKjkf6aVXsXcgS" +
  "ZrYievsdhhkLhKkSYqdphbf6e9cXembxSwZeimohp7gik5k+cOWugLWXeQjVYPgLmyh-i3k9pfg1mufqdBhucsc3crTdglZGfan7" +
  "dKdCndi-lWeEkGcQcTjRcvkMtFWyb5mIfNmWaeh0fLgxh0ZVaInqhnglfxh9ZrainJg1kqcsnih5iojAbpVzaIo7nHeHeWlrfFY5" +
  "m7inSPeSgyiog1chfXhneid+m2a1eGU5i9kijAlBiah4imeimgeGYAkpqIawfccQd7gQZNefX-c5ZhaNWmmriyVhcvcVcOYGkId1" +
  "iki4nhWFphm8jJtChIkgb+mNg7dirleVgDe7b4i6kCh8TGlheFZWjTjFaTthZZWhZsnxfCd+fqcvcOcgj4llaPhUkUaFdQaVY8gk" +
  "b+jdf2iQeacifgf+cJiVkFg3pYcji2dxhSbemGg+mhZFdTbIdGcOfWf6fyc+hCkybEgAfmikfqf7algIa9i0fcgObIkZjykusMfu";
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
const SERIES = Float64Array.from({ length: LENGTH }, (_, t) =>
  2 + 1.5 * Math.sin((2 * Math.PI * t) / 50) + 0.8 * Math.sin((2 * Math.PI * t) / 18 + 0.7) +
  (64 * DIGITS.indexOf(NOISE[2 * t]) + DIGITS.indexOf(NOISE[2 * t + 1]) - 2048) / 1000);
const { uniform } = generator(0);
const RANK = Float64Array.from({ length: LENGTH }, uniform); // in a random order

const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, k) => from + k);
const two = (v) => v.toFixed(2).replace("-", "−");
const tuple = (shape) => `(${shape.join(", ")})`;
const steps = (from, to) => (from === to ? `step ${from}` : `steps ${from} to ${to}`);
const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/**
 * Return the first steps of the training windows, and of the test windows.
 * @param {{split: string, window: number, horizon: number, forecast_start: number}} s
 */
export function divided({ split, window, horizon, forecast_start }) {
  const n = LENGTH - window - horizon + 1; // windows of the whole series
  if (split === "windows") {
    return { train: range(0, Math.min(forecast_start, n)), test: range(forecast_start, n) };
  }
  const train = forecast_start - window - horizon + 1;
  const test = LENGTH - forecast_start - horizon + 1;
  if (split === "time") return { train: range(0, train), test: range(n - test, n) };
  const order = range(0, n).sort((a, b) => RANK[a] - RANK[b]);
  return { train: order.slice(0, n - test), test: order.slice(n - test) };
}

/**
 * Return the windows that leak: training windows with a label at or after
 * `forecast_start`, and test windows with a label that a training window has
 * among its inputs or labels.
 */
export function leaks({ train, test }, { window, horizon, forecast_start }) {
  const ends = new Int32Array(LENGTH + 1); // windows that begin there, less those that end
  for (const i of train) {
    ends[i] += 1;
    ends[i + window + horizon] -= 1;
  }
  let open = 0;
  const isHeld = range(0, LENGTH).map((t) => (open += ends[t]) > 0);
  return {
    train: train.filter((i) => i + window + horizon > forecast_start),
    test: test.filter((i) => range(i + window, i + window + horizon).some((t) => isHeld[t])),
  };
}

/** Return the lines of Python that divide the windows so. */
export function code({ split, window, horizon, forecast_start }) {
  const more = `${window}${horizon > 1 ? `, horizon=${horizon}` : ""}`;
  const size = LENGTH - forecast_start - horizon + 1;
  return {
    time: `train, _, test = split(values, ${forecast_start}, context=${window})\n` +
      `X_train, y_train = make_windows(train, ${more})\nX_test, y_test = make_windows(test, ${more})`,
    windows: `X, y = make_windows(values, ${more})\n` +
      `X_train, y_train = X[:${forecast_start}], y[:${forecast_start}]\nX_test, y_test = X[${forecast_start}:], y[${forecast_start}:]`,
    random: `X, y = make_windows(values, ${more})\norder = rng.permutation(len(X))\ntrain, test = order[:-${size}], order[-${size}:]\n` +
      "X_train, y_train = X[train], y[train]\nX_test, y_test = X[test], y[test]",
  }[split];
}

export class WindowSlicer extends Explorable {
  static title = "Which windows know what they must not know?";
  static style = `pre { margin: 0 0 .5rem; padding: .5rem .75rem; overflow-x: auto; background: var(--soft);
      font: .85rem/1.5 var(--book-mono, ui-monospace, monospace) }
    #series, #near { cursor: ew-resize } #parts { margin: .5rem 0; max-height: none; font-size: .875rem }
    #parts td, #parts th { padding: .1rem .35rem; white-space: nowrap }
    #windows { margin-top: .75rem } .small { margin: 0 0 .5rem; font-size: .85rem }
    @media (forced-colors: active) { svg path.ground { stroke: none } }`;
  static controls = {
    split: { kind: "select", label: "How the split is made", value: "time", options: {
      time: "cut first, then window", windows: "window first, then cut", random: "window first, at random" } },
    window: { kind: "range", label: "Window: steps of X", value: 24, min: 2, max: 96 },
    horizon: { kind: "range", label: "Horizon: steps of y", value: 1, min: 1, max: 24 },
    forecast_start: { kind: "range", label: "Cut at forecast_start", value: 720, min: 120, max: 820 },
    at: { kind: "range", label: "Look at the window whose y begins at step", value: 700, min: 2, max: LENGTH - 1 },
  };

  build() {
    return `<pre tabindex="0" role="region" aria-label="The code"></pre>
      <svg id="series" role="img" aria-label="The series, the window looked at, and forecast_start"></svg>
      <svg id="near" role="img" aria-label="The same window from near"></svg>
      <svg id="windows" role="img"></svg>
      <p class="small">Drag the window in the first chart, its blue handle in the second to make it longer, or the dashed line. In the four strips each window is a mark at the time of its label; the dotted line is the window looked at.</p>
      <div class="scroll" id="parts" tabindex="0" role="region" aria-label="Shapes of both parts"></div>
      <details><summary>The numbers of this window as a table</summary>
      <div class="scroll" id="values" tabindex="0" role="region" aria-label="The numbers of this window"></div></details>`;
  }

  begin() {
    const begun = Boolean(this.state);
    super.begin();
    if (begun) return;
    this.scales = {};
    for (const id of ["series", "near"]) {
      const svg = this.shadowRoot.getElementById(id);
      svg.addEventListener("pointerdown", (event) => this.grab(event, id));
      svg.addEventListener("pointermove", (event) => this.drag(event, id));
      for (const end of ["pointerup", "pointercancel"]) {
        svg.addEventListener(end, () => { this.held = null; });
      }
    }
  }

  /** The window must lie in the series, and its label too. */
  changed() {
    const s = this.state;
    s.at = Math.max(s.window, Math.min(LENGTH - s.horizon, s.at));
  }

  /** Return the time step under the pointer. */
  stepUnder(event, id) {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const { first, last, px } = this.scales[id];
    const at = ((event.clientX - left) / width) * this.room;
    return first + ((at - px(first)) / (px(last) - px(first))) * (last - first);
  }

  /** Take hold of what is next to the pointer: a cut, an edge, or the window. */
  grab(event, id) {
    const { window, at, forecast_start } = this.state;
    const { px } = this.scales[id];
    const far = (step) => Math.abs(px(step) - px(this.stepUnder(event, id)));
    this.held = far(forecast_start) < 10 ? "forecast_start"
      : id === "near" && far(at - window) < 12 ? "window" : "at";
    event.currentTarget.setPointerCapture(event.pointerId);
    if (this.held === "at") this.drag(event, id);
  }

  drag(event, id) {
    if (!this.held || (this.held === "at" && id === "near")) return;
    const step = Math.round(this.stepUnder(event, id));
    this.set({ [this.held]: this.held === "window" ? this.state.at - step : step });
  }

  /** Return all that is drawn. */
  slice() {
    const { window, horizon, at } = this.state;
    const parts = divided(this.state);
    const start = at - window;
    const [train, test] = [parts.train, parts.test].map((all) => all.includes(start));
    const shape = (part, name) => [[`X_${name}`, [part.length, window, 1]], [`y_${name}`, [part.length, horizon]]];
    return { ...parts, leaks: leaks(parts, this.state), start, code: code(this.state),
      part: train ? "training" : test ? "test" : "no",
      X: SERIES.slice(start, at), y: SERIES.slice(at, at + horizon),
      shapes: Object.fromEntries([...shape(parts.train, "train"), ...shape(parts.test, "test")]) };
  }

  draw() {
    const found = (this.result = this.slice());
    const { window } = this.state;
    this.shadowRoot.querySelector("pre").textContent = found.code;
    this.control("forecast_start").querySelector("label").firstChild.data =
      this.state.split === "windows" ? "Cut before window number " : "Cut at forecast_start ";
    this.overview(found);
    this.closeUp(found);
    this.strips(found);
    const row = (name, part) => [part, tuple(found.shapes[`X_${name}`]), tuple(found.shapes[`y_${name}`]),
      found.leaks[name].length];
    this.table("parts", ["part", "X", "y", "leaks"], [row("train", "training"), row("test", "test")]);
    this.table("values", ["step", "value", "part"], [...found.X, ...found.y].map((v, k) =>
      [found.start + k, two(v), k < window ? "X" : "y"]));
    this.say(`${this.aboutWindow(found)} ${this.aboutSplit(found)}`);
  }

  /** Return the two parts of the window as lines of a chart. */
  lines({ start }, size) {
    const { window, horizon, at } = this.state;
    const points = (from, to) => range(from, to).map((t) => [t, SERIES[t]]);
    return [
      { points: points(start, start + window), name: "X", color: "truth", ...size.X },
      { points: points(at, at + horizon), name: "y", color: "forecast", ...size.y }];
  }

  cut(px, bottom) {
    const at = px(this.state.forecast_start - 0.5);
    return `<path stroke-dasharray="5 4" d="M${at} 24V${bottom}"/><text x="${Math.min(at, this.room - 52)}" y="14" text-anchor="middle">forecast_start</text>`;
  }

  overview(found) {
    const height = 190;
    const { px } = this.plot("series", { x: [0, LENGTH], y: [-1.6, 5.6], height, xlabel: "time step", ylabel: "value",
      more: (scale) => this.cut(scale, height - 40), lines: [
        { values: SERIES, name: "series", color: "data", width: 1 },
        ...this.lines(found, { X: { width: 4 }, y: { dots: 4 } })] });
    this.scales.series = { px, first: 0, last: LENGTH };
  }

  closeUp(found) {
    const height = 190;
    const first = Math.max(0, Math.min(this.state.at - 100, LENGTH - 130)), last = first + 130;
    const near = range(first, Math.min(LENGTH, last + 1)).map((t) => [t, SERIES[t]]);
    const edge = (scale) => {
      const at = scale(found.start - 0.5);
      return `<path style="--color:var(--truth)" d="M${at} 24V${height - 40}"/><rect x="${at - 4}" y="70" width="8" height="28" rx="3" style="--color:var(--truth)"/>`;
    };
    const { px } = this.plot("near", { x: [first, last], y: [-1.6, 5.6], height, xlabel: "time step, from near", ylabel: "value",
      more: (scale) => edge(scale) + (this.state.forecast_start >= first && this.state.forecast_start <= last ? this.cut(scale, height - 40) : ""),
      lines: [{ points: near, name: "series", color: "data", dots: 2 },
        ...this.lines(found, { X: { dots: 3 }, y: { dots: 4 } })] });
    this.scales.near = { px, first, last };
  }

  /** Draw a strip for each kind of window: one mark at the time of its label. */
  strips({ train, test, leaks: bad }) {
    const { window, at } = this.state;
    const px = this.scales.series.px;
    const rows = [
      ["Honest training windows", train.length - bad.train.length, train.filter((i) => !bad.train.includes(i)), "data"],
      ["Leak: trained on labels of the test time", bad.train.length, bad.train, "forecast"],
      ["Honest test windows", test.length - bad.test.length, test.filter((i) => !bad.test.includes(i)), "limit"],
      ["Leak: test labels that training holds", bad.test.length, bad.test, "forecast"]];
    const runs = (starts) => {
      const marks = new Set(starts.map((i) => i + window));
      return [...marks].filter((t) => !marks.has(t - 1)).map((t) => {
        let end = t + 1;
        while (marks.has(end)) end += 1;
        return `M${px(t).toFixed(1)} 0H${px(end).toFixed(1)}`;
      }).join("");
    };
    const svg = this.shadowRoot.getElementById("windows");
    svg.setAttribute("viewBox", `0 0 ${this.room} 148`);
    svg.setAttribute("aria-label", `Windows at the time of their labels: ${rows.map(([name, count]) => `${name}: ${count}`).join(", ")}`);
    svg.innerHTML = rows.map(([name, count, starts, color], k) =>
      `<g transform="translate(0 ${k * 36 + 12})"><text x="2" y="0">${name}: ${count}</text>` +
      `<path class="ground" transform="translate(0 12)" style="--color:var(--soft);--width:10" d="M${px(0)} 0H${px(LENGTH)}"/>` +
      `<path transform="translate(0 12)" style="--color:var(--${color});--width:10" d="${runs(starts)}"/></g>`).join("") +
      `<path stroke-dasharray="2 3" style="--width:1" d="${rows.map((_, k) => `M${px(at)} ${k * 36 + 17}v16`).join("")}"/>`;
  }

  aboutWindow({ start, part, leaks: bad }) {
    const { at, horizon } = this.state;
    const where = part === "no" ? "belongs to no part: its labels lie on both sides of forecast_start" : `is a ${part} window`;
    const why = bad.train.includes(start) ? "It leaks: a label lies at or after forecast_start."
      : bad.test.includes(start) ? "It leaks: a training window holds one of its labels." : "";
    return `The window looked at ${where}. X is ${steps(start, at - 1)}, y is ${steps(at, at + horizon - 1)}. ${why}`;
  }

  aboutSplit({ train, test, leaks: bad }) {
    const { split, window, forecast_start } = this.state;
    const counts = `There are ${many(train.length, "training window")} and ${many(test.length, "test window")}.`;
    if (split === "time") {
      return `${counts} No window leaks. The first test window reads the ${window} steps before ${forecast_start}: when the forecast is made, they are known.`;
    }
    const learns = bad.train.length ? `${many(bad.train.length, "training window")} of ${train.length} learn${bad.train.length === 1 ? "s" : ""} a label from the time of the test.` : "";
    const seen = !test.length ? "No test window is left."
      : bad.test.length ? `${bad.test.length} of ${many(test.length, "test window")} ask for a value that a training window holds.`
      : "No test window asks for a value that a training window holds.";
    const index = split === "windows"
      ? `The cut counts windows, not steps: window ${forecast_start} has its first label at step ${forecast_start + window}. ` : "";
    return `${counts} ${index}${learns} ${seen}`;
  }
}

export default { render: widget("window-slicer") };
if (!customElements.get("window-slicer")) customElements.define("window-slicer", WindowSlicer);
