// Compares what a reader types with the hashes of an exercise's answer, as
// gru_tutorial/book/answers.py does: numbers on a logarithmic scale, in steps
// of 0.25 %; four steps are right, forty are close.
(() => {
  const hash = async (text) => {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [...new Uint8Array(bytes)].slice(0, 8)
      .map((b) => b.toString(16).padStart(2, "0")).join("");
  };
  const token = (v, whole, step) => whole || v === 0 ? String(v)
    : `${v < 0 ? "-" : ""}e${Math.round(Math.log(Math.abs(v)) / 0.0025) + step}`;

  /** Tell whether all numbers are right, to within some steps. */
  async function right(values, { salt, whole, hashes }, slack) {
    for (let k = 0; k < values.length; k++) {
      const steps = Array.from({ length: whole ? 1 : 2 * slack + 1 }, (_, i) => (whole ? 0 : i - slack));
      const found = await Promise.all(steps.map((s) => hash(`${salt} ${k} ${token(values[k], whole, s)}`)));
      if (!found.includes(hashes[k])) return false;
    }
    return true;
  }

  async function judge(text, entry) {
    const words = text.replace(/[[\]()]/g, " ").trim().split(/[\s,;]+/).filter(Boolean);
    const values = words.map(Number);
    const count = entry.hashes.length;
    if (!values.length || !values.every(Number.isFinite)) return `Type ${count > 1 ? `${count} numbers` : "a number"}, such as 0.5.`;
    if (values.length !== count) return `Expected ${count} number${count > 1 ? "s" : ""}, got ${values.length}.`;
    const moved = (f) => right(values.map(f), entry, 4);
    if (await moved((v) => v)) return "Right.";
    if (entry.whole && (await moved((v) => v + 1) || await moved((v) => v - 1))) return "Not yet: off by one.";
    if (!entry.whole && await right(values, entry, 40)) return "Not yet, but close: within 10 %.";
    if (await moved((v) => -v)) return "Not yet: of the wrong sign.";
    if (await moved((v) => v / 100) || await moved((v) => v * 100)) return "Not yet: by a factor of 100. A percentage?";
    return "Not yet. A hint stands below.";
  }

  for (const form of document.querySelectorAll("form.answer-box")) {
    if (!globalThis.crypto?.subtle) break;
    const [whole, ...hashes] = JSON.parse(form.dataset.entry);
    const entry = { salt: form.dataset.salt, whole, hashes };
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      form.querySelector("output").textContent = await judge(form.querySelector("input").value, entry);
    });
  }
})();
