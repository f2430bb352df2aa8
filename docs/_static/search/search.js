// Search in the page: what is found is listed by page, with an excerpt, and nothing but one
// index is fetched. An exact word weighs more than its stem, a synonym or a typo.
const box = document.querySelector("#search input");
const list = document.querySelector("#search ol");
const told = document.querySelector("#search output");
const root = document.documentElement.dataset.content_root;
const STOP = new Set(
  "a an and are as at be but by can do does for from has have how i in into is it its my of on or " +
  "that the their them then there this to was what when where which who why will with you your"
    .split(" "));
const ENDINGS =
  /(?:ational|ations?|ating|ated?|ates|ators?|ities|ity|ments?|ings?|ions?|ers?|ors?|ed|ies|es|ly|able|s|e|y)$/;
// What every page is about tells pages apart no more.
const ALWAYS = /^(?:flask|admin|flask_admin)$/;
// How much a word weighs by where it stands.
const WEIGHTS = { error: 8, title: 5, page: 5, also: 4, text: 1, code: 0.5 };
// Who types a name of the code wants to see it written.
const NAMES = { ...WEIGHTS, code: 4 };
const SHOWN = 10;

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}_+]+/gu) ?? [];
const stem = (word) => {
  for (let i = 3; i < word.length; i++)
    if (ENDINGS.exec(word.slice(i))?.index === 0) return word.slice(0, i).replace(/([bdglmnprt])\1$/, "$1");
  return word;
};
// A word with two neighbouring letters in the other order, for each two.
const swapped = (word) =>
  [...word].slice(1).map((letter, i) => word.slice(0, i) + letter + word[i] + word.slice(i + 2));
let loaded;

function load() {
  // As a script, since a page that was opened from a disk may fetch nothing.
  loaded ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${root}_static/search/index.js`;
    script.onload = () => done(guideIndex);
    script.onerror = failed;
    document.head.append(script);
  }).then(({ parts, synonyms }) => {
    const index = new MiniSearch({
      fields: Object.keys(WEIGHTS),
      tokenize: words,
      processTerm: (word) => (STOP.has(word) ? null : word),
    });
    index.addAll(parts.map((part, id) => ({ ...part, id })));
    const others = new Map();
    for (const group of synonyms.map(words))
      for (const word of group) {
        const key = stem(word);
        others.set(key, [...(others.get(key) ?? []), ...group.filter((other) => stem(other) !== key)]);
      }
    return { index, parts, others };
  });
  return loaded;
}

// The pages that match, with the best part of each, by what they weigh.
function find({ index, parts, others }, typed) {
  const asked = [...new Set(words(typed))].filter((word) => !STOP.has(word));
  const score = new Map();
  const pages = new Map();
  const plain = { processTerm: (word) => word, tokenize: (text) => [text] };
  for (const word of asked) {
    const boost = word.includes("_") ? NAMES : WEIGHTS;
    const add = (term, options, weight) => {
      const found = index.search(term, { ...plain, boost, ...options });
      for (const each of found) {
        score.set(each.id, (score.get(each.id) ?? 0) + weight * each.score);
        const { url } = parts[each.id];
        pages.set(url, (pages.get(url) ?? new Set()).add(word));
      }
      return found.length;
    };
    const look = (word, whole) => {
      const key = stem(word);
      const share = whole * (asked.length > 1 && ALWAYS.test(word) ? 0.4 : 1);
      let found = add(word, {}, share);
      if (word.length > 3) found += add(key, { prefix: true }, 0.6 * share);
      for (const other of new Set(others.get(key)))
        found += add(stem(other), { prefix: other.length > 3 }, 0.4 * share);
      return found;
    };
    if (look(word, 1) || word.length < 4) continue;
    // Of a name that nobody has, its words; else the letters in another order, or other letters.
    const near = word.includes("_") ? words(word.replaceAll("_", " ")).filter((part) => !STOP.has(part)) : swapped(word);
    const found = near.reduce((sum, other) => sum + (index.search(other, plain).length && look(other, 0.8)), 0);
    if (!found) add(word, { fuzzy: word.length > 6 ? 2 : 1 }, 0.8);
  }
  const line = words(typed).join(" ");
  // Two words that are one name in the code: "current user".
  for (const [, a, b] of line.matchAll(/(?<=^| )(?=([^ _]+) ([^ _]+))/g))
    for (const { id, score: value } of index.search(`${a}_${b}`, { ...plain, boost: NAMES }))
      score.set(id, (score.get(id) ?? 0) + 0.6 * value);
  const best = new Map();
  for (const [id, value] of score) {
    const part = parts[id];
    const error = words(part.error ?? "").join(" ");
    // A message as a whole, or the beginning of one; its most general cause is the first.
    const whole = error && asked.length > 1 && (line.includes(error) || error.includes(line));
    const weight = value * (!whole ? 1 : part.place ? 7 : 12);
    const page = best.get(part.url) ?? { weight: 0, sum: 0 };
    page.sum += value;
    if (weight > page.weight) Object.assign(page, { part, weight });
    best.set(part.url, page);
  }
  // A page that has all the words goes before one that has one of them often.
  // Most readers want something to write: a recipe before a page that tells about it.
  const kind = ({ url }) => (/^recipes\/(?!index)/.test(url) ? 1.15 : 1);
  const rank = ({ part, weight, sum }) =>
    kind(part) * (weight + 0.1 * sum) * (0.4 + (pages.get(part.url)?.size ?? 0) / asked.length);
  return [...best.values()].sort((a, b) => rank(b) - rank(a)).slice(0, SHOWN);
}

function excerpt(text, asked) {
  const stems = asked.map(stem);
  const at = [...text.matchAll(/[\p{L}\p{N}_+]+/gu)].find(({ 0: word }) => stems.includes(stem(word.toLowerCase())));
  const start = Math.max(0, text.lastIndexOf(" ", Math.max(0, (at?.index ?? 0) - 60)));
  const end = text.indexOf(" ", start + 180);
  return (start ? "… " : "") + text.slice(start, end < 0 ? undefined : end).trim() + (end < 0 ? "" : " …");
}

function show(found, asked) {
  list.replaceChildren(
    ...found.map(({ part }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${root}${part.url}.html${part.anchor ? `#${part.anchor}` : ""}`;
      link.textContent = part.title === part.page || !part.title ? part.page : `${part.page}: ${part.title}`;
      const text = document.createElement("p");
      text.textContent = excerpt(part.text, asked);
      item.append(link, text);
      return item;
    }),
  );
}

let latest = 0;
async function search() {
  const typed = box.value.trim();
  const turn = ++latest;
  if (!typed) {
    list.replaceChildren();
    told.value = "";
    return;
  }
  try {
    const all = await load();
    if (turn !== latest) return;
    const found = find(all, typed);
    show(found, words(typed));
    told.value = found.length ? `${found.length} pages found` : "Nothing found. Try fewer words.";
  } catch {
    told.value = "The index could not be loaded.";
  }
  history.replaceState(null, "", `?q=${encodeURIComponent(typed)}`);
}

box.addEventListener("input", search);
box.form.addEventListener("submit", (event) => (event.preventDefault(), search()));
box.value = new URLSearchParams(location.search).get("q") ?? "";
if (box.value) search();
