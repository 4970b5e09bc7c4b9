// What all explorables share: controls, the state in the page's address,
// charts, a table of the values, and words for those who do not see them.
//
// An explorable extends `Explorable`, says its controls, and draws. See
// regime_watcher.js, the smallest.

export const STYLE = `
:host { display: block; margin: 1.5rem 0; scroll-margin: 5rem 0 1rem; padding: 1rem; border: 1px solid var(--line);
  border-radius: 6px; color: var(--ink); background: var(--ground);
  font: 0.95rem/1.45 var(--book-sans, system-ui, sans-serif);
  --ink: var(--book-text, #1f2429); --ground: var(--book-ground, #fdfcf9);
  --line: var(--book-muted, #55606b); --soft: var(--book-border, #e0dbcf);
  --data: var(--book-data, #5f6b76); --truth: var(--book-truth, #0072b2);
  --forecast: var(--book-forecast, #c2410c); --limit: var(--book-limit, #00795c);
  --accent: var(--book-link, #00618f); }
:host(.dark) { --ink: #e4e2dc; --ground: #15181c; --line: #a6adb5; --soft: #343a41;
  --data: #a0aab4; --truth: #58b4ea; --forecast: #f2935c; --limit: #5cc9a7;
  --accent: #7cc0ea; }
#title { margin: 0 0 .5rem; font-size: 1.05rem; font-weight: 600 }
.controls { display: grid; gap: .5rem 1.25rem; margin: 0 0 .75rem;
  grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)) }
label { display: block } .value { float: right; font-variant-numeric: tabular-nums }
input, select, textarea { box-sizing: border-box; width: 100%; margin: 0; font: inherit; color: inherit }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; vertical-align: -.15rem; accent-color: var(--accent) }
input[type=range] { height: 1.75rem; accent-color: var(--accent) }
select, button, textarea, input:not([type=range], [type=checkbox]) { min-height: 2.25rem; padding: .25rem .6rem;
  background: var(--ground); border: 1px solid var(--line); border-radius: 4px }
button { font: inherit; font-weight: 600; color: inherit; cursor: pointer }
a { color: var(--accent) }
button[disabled] { opacity: .55; cursor: default }
.main { color: var(--ground); background: var(--accent); border-color: var(--accent) }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
:is(pre, .scroll):focus-visible { outline-offset: -3px }
svg { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y }
svg text { fill: var(--ink); font-size: 13px }
svg .axis { stroke: var(--soft); stroke-width: 1 }
svg path { fill: none; stroke: var(--color, var(--ink)); stroke-width: var(--width, 2);
  stroke-linejoin: round }
svg circle, svg rect { fill: var(--color, var(--ink)) }
.key { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: .75rem 0 .25rem }
.key span { color: var(--color); font-weight: 600; white-space: nowrap }
.key svg { display: inline-block; width: 24px; height: 12px }
.says { min-height: 3em; margin: .25rem 0 .5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .1rem .7rem; text-align: right; border-bottom: 1px solid var(--soft) }
.scroll { max-height: 14rem; overflow: auto; background:
  linear-gradient(90deg, var(--ground) 30%, transparent) 0 / 2rem 100% no-repeat local,
  linear-gradient(270deg, var(--ground) 30%, transparent) 100% / 2rem 100% no-repeat local,
  linear-gradient(90deg, var(--soft), transparent) 0 / .75rem 100% no-repeat scroll,
  linear-gradient(270deg, var(--soft), transparent) 100% / .75rem 100% no-repeat scroll }
[hidden] { display: none !important }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
@media (forced-colors: active) {
  svg path { stroke: CanvasText } svg .axis { stroke: GrayText }
  svg circle, svg rect { fill: CanvasText }
  svg text { fill: CanvasText } .main { color: ButtonText; background: ButtonFace } }
@media print { .controls, .buttons, details { display: none } }`;

const escaped = (text) => String(text).replace(/[&<>"]/g,
  (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const signed = (v) => String(v).replace("-", "−");

/** Return the names of a chart's lines, each beside a piece of its line. */
export function key(lines) {
  return lines.filter((line) => line.name).map((line) => {
    const shape = line.dots ? `<circle cx="12" cy="6" r="${line.dots}"/>`
      : `<path stroke-dasharray="${line.dash ?? ""}" d="M0 6H24"/>`;
    const style = `--color:var(--${line.color ?? "ink"});--width:${line.width ?? 2}`;
    return `<span style="${style}"><svg viewBox="0 0 24 12" aria-hidden="true">${shape}</svg> ${escaped(line.name)}</span>`;
  }).join("");
}

/** Return round numbers from lo to hi, about `count` of them. */
export function ticks(lo, hi, count = 5) {
  const rough = (hi - lo) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const found = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

/**
 * Return a chart as SVG. A line is {values or points, name, color, dash, width,
 * dots}: `values` are drawn at 0, 1, 2 ..., `points` at [x, y]; `dots` is the
 * radius of points that no line joins. `color` is one of data, truth, forecast,
 * limit, ink. `more` is further SVG, or makes it from the two scales.
 */
export function chart({ width, height = 220, x, y, xlabel, ylabel, lines, more = "" }) {
  const box = { left: 46, right: 10, top: 24, bottom: 40 };
  const px = (v) => box.left + ((v - x[0]) / (x[1] - x[0])) * (width - box.left - box.right);
  const py = (v) => {
    const at = height - box.bottom - ((v - y[0]) / (y[1] - y[0])) * (height - box.top - box.bottom);
    return Math.max(box.top, Math.min(height - box.bottom, at));
  };
  const grid = ticks(...y, 4).map((v) =>
    `<path class="axis" style="--color:var(--soft);--width:1" d="M${box.left} ${py(v)}H${width - box.right}"/>` +
    `<text x="${box.left - 6}" y="${py(v) + 4}" text-anchor="end">${signed(v)}</text>`).join("");
  const below = ticks(...x, width < 420 ? 4 : 8).map((v) =>
    `<text x="${px(v)}" y="${height - box.bottom + 16}" text-anchor="middle">${signed(v)}</text>`).join("");
  const labels = `<text x="${(box.left + width) / 2}" y="${height - 4}" text-anchor="middle">${escaped(xlabel)}</text>` +
    `<text x="2" y="12">${escaped(ylabel)}</text>`;
  const drawn = lines.map((line) => {
    const points = (line.points ?? [...line.values].map((v, k) => [k, v]))
      .filter(([, v]) => Number.isFinite(v));
    if (!points.length) return "";
    const style = `--color:var(--${line.color ?? "ink"});--width:${line.width ?? 2}`;
    const shape = line.dots
      ? points.map(([a, b]) => `<circle cx="${px(a).toFixed(1)}" cy="${py(b).toFixed(1)}" r="${line.dots}"/>`).join("")
      : `<path stroke-dasharray="${line.dash ?? ""}" d="${points.map(([a, b], k) =>
          `${k ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("")}"/>`;
    return `<g data-line="${escaped(line.name ?? "")}" style="${style}">${shape}</g>`;
  }).join("");
  return { svg: grid + below + labels + drawn + (typeof more === "function" ? more(px, py) : more), px, py };
}

const CONTROLS = {
  range: (c) => `<label>${escaped(c.label)} <span class="value"></span><input type="range" min="${c.min}" max="${c.max}" step="${c.step ?? 1}"></label>`,
  select: (c) => `<label>${escaped(c.label)} <select>${Object.entries(c.options).map(([value, name]) =>
    `<option value="${escaped(value)}">${escaped(name)}</option>`).join("")}</select></label>`,
  check: (c) => `<label><input type="checkbox"> ${escaped(c.label)}</label>`,
  text: (c) => `<label>${escaped(c.label)} <input type="text" spellcheck="false" autocomplete="off"></label>`,
};

/**
 * The base of all explorables.
 *
 * A subclass has `static title`, `static controls` (by the names of the state:
 * {kind, label, value, ...}), `build()`, which returns the HTML below the
 * controls, and `draw()`, which fills it from `this.state`. Elements of the page
 * begin when the reader comes near.
 */
export class Explorable extends HTMLElement {
  static controls = {};

  connectedCallback() {
    if (this.shadowRoot) return;
    this.dataset.lmSuppressShortcuts = "true"; // JupyterLab: arrows are ours
    this.attachShadow({ mode: "open" });
    const near = new IntersectionObserver((seen) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      this.begin();
    }, { rootMargin: "400px" });
    // Until then the picture stands in; a small form has room kept, and loads none.
    this.shadowRoot.innerHTML = this.hasAttribute("only") ? "" : "<slot></slot>";
    if (this.addressed()) this.begin();
    else near.observe(this);
    this.follow = (event) => this.onLink(event);
    this.readAddress = () => this.addressed() && this.set(this.addressed(), false);
    document.addEventListener("click", this.follow, true);
    addEventListener("hashchange", this.readAddress);
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.follow, true);
    removeEventListener("hashchange", this.readAddress);
    this.observer?.disconnect();
    this.end?.();
  }

  /** By their names; an element may narrow what its class says. */
  get controls() {
    return this.constructor.controls;
  }

  /** Return the numbers in an attribute: float32, as a data address. */
  numbers(name) {
    const text = (this.getAttribute(name) ?? "").split(",").at(-1);
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return Float64Array.from(new Float32Array(bytes.buffer));
  }

  /** What stands above it. */
  get heading() {
    return this.constructor.title;
  }

  /** The controls' values that the page begins with. */
  get defaults() {
    return Object.fromEntries(Object.entries(this.controls)
      .map(([name, c]) => [name, this.read(name, this.getAttribute(name.replaceAll("_", "-"))) ?? c.value]));
  }

  /** Return a value that a control can have, or undefined. */
  read(name, text) {
    const c = this.controls[name];
    if (!c || text === null || text === undefined) return undefined;
    if (c.kind === "range") {
      const value = Number(text);
      if (!Number.isFinite(value)) return undefined;
      const step = c.step ?? 1;
      const near = c.min + Math.round((value - c.min) / step) * step;
      return Number(Math.max(c.min, Math.min(c.max, near)).toFixed(6));
    }
    if (c.kind === "check") return text === true || text === "true";
    if (c.kind === "text") return new RegExp(c.pattern).test(text) ? String(text) : undefined;
    return text in c.options ? String(text) : undefined;
  }

  /** Return the state that an address (#id?name=value&...) asks for, or null. */
  addressed(hash = location.hash) {
    const [id, query] = hash.slice(1).split("?");
    if (!this.id || id !== this.id) return null;
    return Object.fromEntries(new URLSearchParams(query ?? ""));
  }

  /** A link in the text sets the state, also where addresses do not count. */
  onLink(event) {
    const link = event.composedPath().find((e) => e.tagName === "A");
    const asked = link && this.addressed(link.getAttribute("href") ?? "");
    if (!asked) return;
    event.preventDefault();
    if (!this.state) this.begin();
    this.state = this.defaults;
    this.set(asked);
    this.shadowRoot.querySelector("section").focus({ preventScroll: true });
    this.scrollIntoView({ block: "nearest" });
  }

  begin() {
    if (this.state) return;
    const { controls } = this;
    const only = this.getAttribute("only")?.split(" "); // a small form: these controls
    this.state = this.defaults;
    this.shadowRoot.innerHTML = `<style>${STYLE}${this.constructor.style ?? ""}</style>
      <section aria-labelledby="title" tabindex="-1"><p id="title">${escaped(this.heading)}</p>
      <div class="controls">${Object.entries(controls).map(([name, c]) =>
        `<div data-control="${name}"${only?.includes(name) === false ? " hidden" : ""}>${CONTROLS[c.kind](c)}</div>`).join("")}
        <div class="buttons"><button data-act="reset">Reset</button></div></div>
      <p class="says"></p>${this.build()}<p class="unseen" role="status"></p></section>`;
    this.shadowRoot.addEventListener("input", (event) => this.onInput(event));
    this.shadowRoot.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this[act]();
    });
    this.shadowRoot.addEventListener("focusin", (event) => this.showAll(event.target));
    this.shadowRoot.addEventListener("toggle", () => this.markScrolling(), true);
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this);
    this.watchTheme();
    this.set(this.addressed() ?? {}, false);
    if (this.addressed()) this.scrollIntoView({ block: "center" });
  }

  /** Outside of the site, nothing but the ground tells light from dark. */
  watchTheme() {
    if (getComputedStyle(this).getPropertyValue("--book-text")) return;
    const look = () => {
      let place = this.parentElement, ground = null;
      while (place && !ground) {
        const c = getComputedStyle(place).backgroundColor.match(/[\d.]+/g)?.map(Number);
        if (c && (c.length < 4 || c[3] > 0)) ground = c;
        place = place.parentElement;
      }
      const [r, g, b] = ground ?? [255, 255, 255];
      this.classList.toggle("dark", 0.2126 * r + 0.7152 * g + 0.0722 * b < 110);
    };
    look();
    new MutationObserver(look).observe(document.body, { attributes: true });
  }

  /** Who moves a control by keys sees what it changes, if the screen has room. */
  showAll(target) {
    if (!target.matches(".controls :focus-visible")) return;
    const { top, bottom, height } = this.getBoundingClientRect();
    if (top >= 0 && bottom <= innerHeight) return;
    const below = target.getBoundingClientRect().bottom - top;
    const fits = height < innerHeight - 100;
    if (fits || below < innerHeight / 2) this.scrollIntoView({ block: fits ? "nearest" : "start" });
  }

  control(name) {
    return this.shadowRoot.querySelector(`[data-control="${name}"]`);
  }

  onInput(event) {
    const name = event.target.closest("[data-control]")?.dataset.control;
    if (!name) return;
    const { type, checked, value } = event.target;
    this.set({ [name]: type === "checkbox" ? checked : value });
  }

  /** Change some of the state; what a control cannot have is left out. */
  set(changes, remember = true) {
    if (!this.state) return;
    for (const [name, text] of Object.entries(changes)) {
      const value = this.read(name, text);
      if (value !== undefined) this.state[name] = value;
    }
    this.changed?.(changes);
    if (remember) this.writeAddress();
    this.redraw();
  }

  reset() {
    this.set(this.defaults, false);
    if (this.addressed()) history.replaceState(null, "", `#${this.id}`);
  }

  /** Put what differs from the beginning into the page's address. */
  writeAddress() {
    if (!this.id) return;
    const { defaults } = this;
    const differs = Object.entries(this.state).filter(([name, v]) => v !== defaults[name]);
    const query = new URLSearchParams(differs).toString();
    history.replaceState(null, "", `#${this.id}${query && `?${query}`}`);
  }

  /** Draw once before the next frame. */
  redraw() {
    if (this.waiting || !this.state) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      for (const [name, c] of Object.entries(this.controls)) {
        const field = this.control(name).querySelector("input, select");
        if (c.kind === "check") field.checked = this.state[name];
        else field.value = this.state[name];
        const shown = this.control(name).querySelector(".value");
        if (shown) shown.textContent = c.show ? c.show(this.state[name]) : this.state[name];
        if (shown) field.setAttribute("aria-valuetext", shown.textContent);
      }
      this.draw();
      this.markScrolling();
    });
  }

  /** A box is a stop for the tabulator if there is something to scroll. */
  markScrolling() {
    for (const box of this.shadowRoot.querySelectorAll("[role=region]")) {
      const more = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      box.tabIndex = more ? 0 : -1;
    }
  }

  /** The width in which a chart may draw. */
  get room() {
    return Math.max(260, this.clientWidth - 34);
  }

  /** Fill an <svg> by its id with a chart of the width there is. */
  plot(id, options) {
    const svg = this.shadowRoot.getElementById(id);
    const height = options.height ?? 220;
    const drawn = chart({ width: this.room, height, ...options });
    svg.setAttribute("viewBox", `0 0 ${this.room} ${height}`);
    svg.innerHTML = drawn.svg;
    if (!svg.previousElementSibling?.matches(".key")) {
      svg.insertAdjacentHTML("beforebegin", '<p class="key"></p>');
    }
    svg.previousElementSibling.innerHTML = key(options.lines);
    return drawn;
  }

  /** Fill an element by its id with a table. */
  table(id, head, rows) {
    const cells = (tag, scope, row) => row.map((v, k) =>
      k && tag === "td" ? `<td>${escaped(v)}</td>` : `<th scope="${scope}">${escaped(v)}</th>`).join("");
    this.shadowRoot.getElementById(id).innerHTML =
      `<table><thead><tr>${cells("th", "col", head)}</tr></thead><tbody>${rows.map((row) =>
        `<tr>${cells("td", "row", row)}</tr>`).join("")}</tbody></table>`;
  }

  /** Say below the controls what is shown; aloud once they rest. */
  say(text) {
    this.shadowRoot.querySelector(".says").textContent = text;
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      this.shadowRoot.querySelector("[role=status]").textContent = text;
    }, 600);
  }
}

/** Return AnyWidget's `render`: the same element, in a widget's place. */
export function widget(tag) {
  return ({ model, el }) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(model.get("state") ?? {})) {
      element.setAttribute(name.replaceAll("_", "-"), value);
    }
    el.append(element);
  };
}
