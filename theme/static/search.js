// The search page: ranks the sections that theme/search.py has cut the book
// into. A section scores for each word of the query that it has, more for a
// rare word, more where the word stands in the heading (BM25). Sphinx's
// language_data.js brings the stemmer.
(() => {
  const WEIGHTS = { title: 1.2, said: 1, above: 0.3, also: 1.5, term: 1, results: 0.6, code: 0.3 };
  const K = 1.2, B = 0.5;  // how fast a word's count saturates; length's part
  const SYNONYM = 0.7, NEAR = 0.6, QUIET = 0.08, NUMBER = 0.15, LETTER = 0.3;
  const WHOLE_TITLE = 0.5, MEANT = 1, TOGETHER = 0.3, PASTED = 2, INTRODUCTION = 0.6;
  const FOR_SEVERAL = 1.4;  // the most that a word counts in place of several
  const OF_MESSAGES = 0.6, OF_WORDS = 1.3;

  const QUESTION = /^\s*(how|what|when|where|which|who|why|can|could|did|do|does|is|are|may|must|should|will|would)\b|\?\s*$/i;
  const CODE = /[[\](){}":=]|(?<!\w)'|'(?!\w)/;
  const MEANING = /^\s*(what (is|are|do|does)|meaning|definition|define)\b/i;

  // Words

  const stemmer = new Stemmer();
  const stems = new Map();

  const plain = (text) =>
    text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // British and American endings become one.
  const respelt = (word) => word.length < 6 ? word : word
    .replace(/is(e|ed|es|er|ers|ing|ation|ations)$/, "iz$1")
    .replace(/our(s|ed|ing)?$/, "or$1")
    .replace(/ll(ed|ing|er)$/, "l$1");

  function stem(word) {
    if (!stems.has(word)) stems.set(word, stemmer.stemWord(respelt(word)));
    return stems.get(word);
  }

  // All words of a text, also the parts of names: batch_first has three, and
  // back-propagation and GRUModel have. Formulas write z_t without the line.
  function wordsIn(text) {
    const words = [];
    for (const [name] of text.matchAll(/[\p{L}\p{M}\p{N}_]+(?:[-‐][\p{L}\p{M}\p{N}_]+)*/gu)) {
      if (/^\p{L}_\p{L}$/u.test(name)) {
        words.push(plain(name.replace("_", "")));
        continue;
      }
      const parts = name.split(/[-‐_]+|(?<=[a-z])(?=[A-Z])/).filter(Boolean);
      words.push(...parts.map(plain));
      if (parts.length > 1) {
        words.push(plain(name.replace(/[-‐]/g, "")));
      }
    }
    return words.filter(Boolean);
  }

  // The index

  const index = window.bookIndex;
  const sections = index.sections;
  const postings = new Map();  // stem → section → how much of it is there
  const spelt = new Map();  // stem → a word that has it

  function post(number, text, field, weight) {
    const words = wordsIn(text);
    for (const word of words) {
      const known = stem(word);
      if (!postings.has(known)) {
        postings.set(known, new Map());
        spelt.set(known, word);
      }
      const list = postings.get(known);
      if (!list.has(number)) list.set(number, { body: 0, title: 0, said: 0, also: 0, above: 0 });
      list.get(number)[field] += weight;
    }
    return words.length;
  }

  sections.forEach((section, number) => {
    const { text, results, places } = section;
    section.blocks = [...text, ...places.map(([, words]) => words), ...results];
    section.length = post(number, text.join(" "), "body", 1)
      + post(number, places.map(([, words]) => words).join(" "), "body", 1)
      + 0.5 * post(number, results.join(" "), "body", WEIGHTS.results)
      + 0.3 * post(number, section.code, "body", WEIGHTS.code);
    post(number, section.terms.join(" "), "body", WEIGHTS.term);
    post(number, section.title, "title", 1);
    post(number, section.said, "said", 1);
    post(number, section.also, "also", 1);
    post(number, section.above.join(" "), "above", 1);
  });
  const mean = sections.reduce((sum, s) => sum + s.length, 0) / sections.length;

  const idf = (list) =>
    Math.log(1 + (sections.length - list.size + 0.5) / (list.size + 0.5));

  // What one word is worth in each section
  function worth(word) {
    const list = postings.get(word), scores = new Map();
    if (!list) return scores;
    for (const [number, found] of list) {
      const slow = K * (1 - B + B * sections[number].length / mean);
      const score = found.body * (K + 1) / (found.body + slow)
        + (found.title ? WEIGHTS.title : 0)
        + WEIGHTS.said * found.said / (found.said + 1)
        + (found.also ? WEIGHTS.also : 0)
        + (found.above ? WEIGHTS.above : 0);
      scores.set(number, idf(list) * score);
    }
    return scores;
  }

  // What a phrase is worth: only sections that have all its words, if so asked
  function worthOfAll(words, all) {
    const sum = new Map(), count = new Map();
    for (const word of words) {
      for (const [number, score] of worth(word)) {
        sum.set(number, (sum.get(number) || 0) + score);
        count.set(number, (count.get(number) || 0) + 1);
      }
    }
    if (all) {
      for (const number of sum.keys()) {
        if (count.get(number) < words.length) sum.delete(number);
      }
    }
    return sum;
  }

  // Queries

  const stemsIn = (text) => wordsIn(text).map(stem);
  const quiet = new Set(stemsIn(index.quiet));
  const misspelt = new Map(Object.entries(index.misspelt)
    .map(([wrong, right]) => [plain(wrong), plain(right)]));
  const groups = index.same.map((group) => group
    .flatMap((member) => [...new Set([member, member.replace(/-/g, " ")])])
    .map(stemsIn));

  // Whether two words differ in so few letters: left out, put in, changed, or
  // two of them swapped
  function distance(a, b, most) {
    if (Math.abs(a.length - b.length) > most) return most + 1;
    let [before, last] = [[], Array.from({ length: b.length + 1 }, (_, k) => k)];
    for (let i = 1; i <= a.length; i++) {
      const row = [i];
      for (let j = 1; j <= b.length; j++) {
        const same = a[i - 1] === b[j - 1] ? 0 : 1;
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + same);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      if (Math.min(...row) > most) return most + 1;
      [before, last] = [last, row];
    }
    return last[b.length];
  }

  // The book's words that a word unknown to it may stand for
  function nearTo(word) {
    if (word.length < 4 || /\d/.test(word)) return [];
    const most = word.length < 8 ? 1 : 2;
    let best = most + 1, near = [];
    for (const known of postings.keys()) {
      if (known.length < 3 || /\d/.test(known)) continue;
      const far = distance(word, known, most);
      if (far < best) [best, near] = [far, []];
      if (far === best && far <= most) near.push(known);
    }
    if (near.length) return near;
    return [...postings.keys()].filter((known) =>
      known.startsWith(word) || (known.length > 4 && word.includes(known)));
  }

  // A word that the book writes as two: timeseries
  function halves(word) {
    for (let k = 3; k <= word.length - 3; k++) {
      const pair = [word.slice(0, k), word.slice(k)].map(stem);
      if (pair.every((half) => postings.has(half))) return [pair];
    }
    return [];
  }

  // The query as clauses: a word or a phrase, with others that mean the same
  function clausesOf(query) {
    const typed = wordsIn(query).map((word) => misspelt.get(word) || word);
    // Numbers come last: "next 24 hours" are hours.
    const raw = [...typed.filter((word) => !/^\d+$/.test(word)),
      ...typed.filter((word) => /^\d+$/.test(word))];
    const words = raw.map(stem);
    const clauses = [];
    for (let k = 0; k < words.length;) {
      let longest = 1, others = [];
      const joined = stem(raw.slice(k, k + 2).join(""));
      const name = stem(raw.slice(k, k + 2).join("_"));
      const named = words.includes(name) && postings.has(name);  // batch_first
      if (k + 1 < words.length && postings.has(joined) && !named) {
        [longest, others] = [2, [[joined]]];  // "over fitting"
      }
      for (const group of groups) {
        for (const member of group) {
          const here = words.slice(k, k + member.length);
          if (member.length < longest || here.join(" ") !== member.join(" ")) continue;
          if (member.length > longest) [longest, others] = [member.length, []];
          others.push(...group.filter((other) => other !== member));
        }
      }
      if (longest === 1 && (postings.get(words[k])?.size || 0) < 4) others.push(...halves(raw[k]));
      clauses.push({ words: words.slice(k, k + longest), others });
      k += longest;
    }
    return clauses;
  }

  function worthOfClause(clause) {
    const { words, others } = clause;
    const best = new Map();
    const take = (scores, share) => {
      for (const [number, score] of scores) {
        best.set(number, Math.max(best.get(number) || 0, share * score));
      }
    };
    take(worthOfAll(words, false), 1);
    for (const other of others) {
      take(worthOfAll(other, true), SYNONYM * Math.min(FOR_SEVERAL, words.length / other.length));
    }
    if (!best.size) {
      clause.near = words.flatMap(nearTo);
      for (const near of clause.near) take(worth(near), NEAR);
    }
    return best;
  }

  const isQuiet = (clause) => clause.words.every((word) => quiet.has(word));
  const isNumber = (clause) => clause.words.every((word) => /^\d+$/.test(word));

  const isLetter = (clause) => clause.words.every((word) => word.length === 1);

  // How much a clause counts beside others that say what is looked for
  function shareOf(clause) {
    if (isQuiet(clause)) return QUIET;
    if (isNumber(clause)) return NUMBER;
    return isLetter(clause) ? LETTER : 1;
  }

  const loudIn = (text) => stemsIn(text).filter((word) => !quiet.has(word));

  // What a pasted message is in all its cases: its numbers may be others, but
  // those that are the same must be so there, too
  function messageIn(query) {
    const words = wordsIn(query.replace(/^\s*\w+(Error|Warning): /, ""));
    if (words.length < 4) return null;
    const seen = [];
    const pattern = words.join(" ").replace(/(?<![a-wyz_\d])\d+/g, (number) => {
      if (seen.includes(number)) return `\\${seen.indexOf(number) + 1}(?!\\d)`;
      return `(${seen.push(number) && "\\d+"})`;
    });
    return new RegExp(` ${pattern} `);
  }

  // More for words that stand together as in the query, most for all of them
  function together(section, loud, message) {
    section.loud ??= ` ${loudIn([section.title, ...section.blocks].join(" ")).join(" ")} `;
    section.line ??= ` ${wordsIn([section.title, ...section.blocks].join(" ")).join(" ")} `;
    const title = ` ${loudIn(section.title).join(" ")} `;
    let pairs = 0;
    for (let k = 0; k + 1 < loud.length; k++) {
      const pair = ` ${loud[k]} ${loud[k + 1]} `;
      pairs += section.loud.includes(pair) + title.includes(pair);
    }
    const whole = message && message.test(section.line);
    return TOGETHER * pairs / Math.max(1, loud.length - 1) + (whole ? PASTED : 0);
  }

  // More for a heading that says what the query says, and nothing else
  function titled(section, own, others) {
    section.titleWords ??= loudIn(section.title);
    let sum = 0;
    for (const word of section.titleWords) {
      sum += own.has(word) ? 1 : others.has(word) ? SYNONYM : 0;
    }
    return WHOLE_TITLE * sum / Math.max(1, section.titleWords.length);
  }

  // How much of one of a section's further phrases the query says, if they
  // have all that it is about
  function meant(section, own, asked) {
    section.phrases ??= section.also.split(", ").map(stemsIn);
    const all = new Set(section.phrases.flat());
    if (!own.size || ![...own].every((word) => all.has(word))) return 0;
    return Math.max(...section.phrases.map((phrase) =>
      phrase.filter((word) => asked.has(word)).length / phrase.length));
  }

  // Who asks wants no message, and who asks what a word means, its list
  function suits(section, query) {
    const short = query.trim().split(/\s+/).length < 4;
    const asks = !CODE.test(query) && (short || QUESTION.test(query));
    if (section.page === index.messages) return asks ? OF_MESSAGES : 1;
    return section.page === index.definitions && MEANING.test(query) ? OF_WORDS : 1;
  }

  // The clauses of a query, each with what it is worth and how much it counts
  function weighed(query) {
    const clauses = clausesOf(query);
    for (const clause of clauses) {
      clause.worth = worthOfClause(clause);
      clause.share = shareOf(clause);
    }
    const asked = clauses.filter((clause) => !isQuiet(clause));
    const told = asked.filter((clause) => clause.worth.size);
    if (asked.length && !told.length) return [];  // the rest says nothing
    for (const clause of clauses) {
      if (!told.length) clause.share = 1;
      else if (told.length === 1 && isQuiet(clause)) clause.share *= 3;
    }
    return clauses;
  }

  // Sections with the sum of their clauses, less where the query is not covered
  function summed(clauses) {
    const scores = new Map(), covered = new Map();
    let most = 0;
    for (const { worth, share } of clauses) {
      const value = share * Math.max(0, ...worth.values());
      most += value;
      for (const [number, score] of worth) {
        scores.set(number, (scores.get(number) || 0) + share * score);
        covered.set(number, (covered.get(number) || 0) + value);
      }
    }
    return [...scores].map(([number, score]) => ({
      section: sections[number],
      score: score * (0.4 + 0.6 * covered.get(number) / most),
    }));
  }

  const byScore = (a, b) => b.score - a.score;

  function rank(query, clauses, own, others) {
    const results = summed(clauses), asked = new Set(stemsIn(query));
    for (const result of results) {
      const { section } = result;
      result.score *= index.lists[section.title] || 1;
      const phrase = meant(section, own, asked);
      if (!section.above.length && phrase < 0.5) result.score *= INTRODUCTION;
      result.score *= suits(section, query)
        * (1 + Math.max(MEANT * phrase, titled(section, own, others)));
    }
    results.sort(byScore);
    const message = messageIn(query), loud = loudIn(query);
    for (const result of results.slice(0, 40)) {
      result.score *= 1 + together(result.section, loud, message);
    }
    return results.sort(byScore);
  }

  // The best sections for a query, the stems to be marked in them, and what
  // was looked for in place of words that the book does not have
  function find(query) {
    const clauses = weighed(query);
    const told = clauses.filter((clause) => !isQuiet(clause));
    const own = new Set(told.flatMap((clause) => clause.words));
    const others = new Set(told.flatMap((clause) => clause.others.flat()));
    const near = told.flatMap((clause) => clause.near || []);
    const same = told.flatMap((clause) => clause.others)
      .filter((other) => other.length === 1).flat();
    return {
      results: rank(query, clauses, own, others),
      hits: new Set([...own, ...same, ...near]),
      near: near.map((word) => spelt.get(word)),
    };
  }

  window.bookSearch = { find, stemsIn };
})();
