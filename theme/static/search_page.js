// Draws what search.js finds.
document.addEventListener("DOMContentLoaded", () => {
  const SHOWN = 10;       // at first, and with each press of the button
  const LEAST = 0.3;      // of the best section's score
  const LENGTH = 220;     // letters of a snippet
  const page = document.querySelector(".bd-search-container");
  const field = page.querySelector("input[name=q]");
  const says = document.getElementById("search-says");
  const list = document.getElementById("search-results");
  const more = document.getElementById("search-more");
  const nothing = document.getElementById("search-nothing");
  let found = { results: [], hits: new Set() };

  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  const isHit = (word) =>
    bookSearch.stemsIn(word).some((stem) => found.hits.has(stem));

  // The words of a text with those that were looked for marked
  function marked(text) {
    const parts = [];
    let last = 0;
    for (const { 0: word, index } of text.matchAll(/[\p{L}\p{M}\p{N}_]+/gu)) {
      if (!isHit(word)) continue;
      parts.push(text.slice(last, index), element("mark", "", word));
      last = index + word.length;
    }
    return [...parts, text.slice(last)];
  }

  const hitsIn = (text) =>
    new Set(bookSearch.stemsIn(text).filter((stem) => found.hits.has(stem))).size;

  // So much of a text as fits, around its first hit
  function cut(text) {
    if (text.length <= LENGTH) return text;
    const words = [...text.matchAll(/\S+/g)];
    const first = words.find(([word]) => isHit(word))?.index || 0;
    const from = words.find(({ index }) => index >= first - 60).index;
    const to = text.lastIndexOf(" ", from + LENGTH);
    const end = to > from ? to : from + LENGTH;
    return (from ? "… " : "") + text.slice(from, end) + (end < text.length ? " …" : "");
  }

  // The block of a section that has most of what was looked for
  function snippet({ text, results }) {
    let best = [text, results].flat()[0] || "", most = 0;
    for (const block of [...text, ...results]) {
      const count = hitsIn(block);
      if (count > most) [best, most] = [block, count];
    }
    return cut(best);
  }

  function where({ page: address, above }) {
    const number = address.match(/\/(\d\d)_/)?.[1];
    const names = number ? [`Chapter ${Number(number)}`, ...above] : above;
    return names.join(" › ");
  }

  function link(address, id, text) {
    const made = element("a", "", ...marked(text));
    made.href = document.documentElement.dataset.content_root + `${address}#${id}`;
    return made;
  }

  // Figures of a section, and works that it lists, that have what was asked
  function placesOf({ page: address, places }) {
    const least = Math.max(1, hitsIn(places.map(([, text]) => text).join(" ")) / 2);
    return places.filter(([, text]) => hitsIn(text) >= least).slice(0, 3)
      .map(([id, text]) => element("li", "", link(address, id, cut(text))));
  }

  function drawn({ section }) {
    const item = element("li", "search-result",
      element("h2", "search-result__title", link(section.page, section.id, section.title)));
    item.append(element("p", "search-result__where", where(section)));
    const text = snippet(section);
    if (text) item.append(element("p", "search-result__text", ...marked(text)));
    const places = placesOf(section);
    if (places.length) item.append(element("ul", "search-result__places", ...places));
    return item;
  }

  function draw(count) {
    const from = list.children.length;
    list.append(...found.results.slice(from, from + count).map(drawn));
    more.hidden = list.children.length >= found.results.length;
    return list.children[from];
  }

  function say(query) {
    const count = found.results.length;
    if (!query) return "Type a word, a question, or an error message.";
    if (!count) return `Nothing found for “${query}”.`;
    const near = found.near.slice(0, 3).map((word) => `“${word}”`).join(", ");
    return `${count} ${count === 1 ? "section" : "sections"} for “${query}”, `
      + "the best first." + (near ? ` The book has ${near}, which is near.` : "");
  }

  function search() {
    const query = field.value.trim();
    found = bookSearch.find(query);
    const least = LEAST * (found.results[0]?.score || 0);
    found.results = found.results.filter(({ score }) => score >= least);
    list.replaceChildren();
    draw(SHOWN);
    nothing.hidden = !query || found.results.length > 0;
    says.textContent = say(query);
    document.title = document.title.replace(/^.*?Search/, query ? `${query} - Search` : "Search");
  }

  more.addEventListener("click", () => draw(SHOWN).querySelector("a").focus());
  let soon;
  field.addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(search, 250);
  });
  field.value = new URLSearchParams(location.search).get("q") || "";
  search();
  field.focus();
});
