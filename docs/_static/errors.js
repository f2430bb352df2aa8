// Rank the messages of this page against what was pasted, a line or a whole traceback.
const box = document.querySelector(".find-error textarea");
const list = document.querySelector(".find-error ol");
const far = document.querySelector(".find-error p");
// Addresses, numbers and paths differ from reader to reader; names only count as words.
const words = (text) =>
  text
    // Of a class, the module that it is in says little.
    .replace(/(?:[a-z_]\w*\.)+(?=[A-Z])/g, "")
    .toLowerCase()
    .replace(/0x[0-9a-f…]+|\d+|(?:[\w.-]*\/)+[\w.-]*/g, " ")
    .match(/[\p{L}_]+/gu) ?? [];
// Names of the guide's examples, where a reader has names of their own.
const OURS = /^(?:error_(?:user|post)|user|posts?|nickname|author_id|archive|shop|lineform)$/;
const pairs = (found) => found.slice(1).map((word, index) => `${found[index]} ${word}`);
const parts = (text) => {
  const found = words(text);
  return new Set([...found, ...pairs(found)]);
};
const ours = (part) => part.split(" ").some((word) => OURS.test(word));
// What a message quotes is what it is about: the class, the attribute, the package.
const quoted = (text) => [...text.matchAll(/'([\w.]+)'/g)].map(([, name]) => name);
// The class that was raised, of the dotted name before the colon.
const raised = (text) => /^(?:[\w.]+\.)?(\w+)(?=: )/.exec(text)?.[1];
const messages = [...document.querySelectorAll("#all-messages > section")].map((section) => {
  const text = section.querySelector("h3 > code").textContent;
  const names = quoted(text).filter((name) => !OURS.test(name.toLowerCase()));
  const known = [...parts(text)].filter((part) => !ours(part));
  return { section, text, parts: known, names, raised: raised(text) };
});
const counts = new Map();
for (const message of messages)
  for (const part of message.parts) counts.set(part, (counts.get(part) ?? 0) + 1);
// A word that many messages have says little.
const weight = (part) =>
  counts.has(part) ? Math.log(1 + messages.length / counts.get(part)) : 0.5;
const sum = (found) => found.reduce((total, part) => total + weight(part), 0);
const likeness = (line, message) => {
  const shared = sum(message.parts.filter((part) => line.parts.has(part)));
  const absent = message.names.filter((name) => !line.names.has(name)).length / (message.names.length || 1);
  const other = line.raised && message.raised && line.raised !== message.raised;
  const alike = (2 * shared) / (sum([...line.parts]) + sum(message.parts));
  return alike * (1 - 0.4 * absent) * (other ? 0.6 : 1);
};
// What SQLAlchemy and Python write below and between messages.
const AROUND =
  /^\s+\S|^Traceback|^\s*File "|^\[(?:SQL|parameters|cached)|^\(Background|^(?:LINE \d|DETAIL|HINT|CONTEXT)\b|^(?:During handling|The above exception)|^\.\.\. /;
function rank(pasted) {
  // Of a traceback, the lines that are neither a place nor code say what was raised.
  const lines = pasted.split("\n").filter((line) => line.trim() && !AROUND.test(line));
  const found = (lines.length ? lines : [pasted])
    .map((line) => line.replace(/ \(Background on this error.*/, ""))
    .map((line) => ({ parts: parts(line), names: new Set(line.match(/[\w.]*\w/g)), raised: raised(line) }));
  return messages
    .map((message) => ({ ...message, score: Math.max(...found.map((line) => likeness(line, message))) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 3);
}
function show() {
  const ranked = box.value.trim() ? rank(box.value) : [];
  // Right ones, with other names in them, have more in common with a message.
  far.hidden = !ranked.length || ranked[0].score > 0.5;
  list.replaceChildren(
    ...ranked.map(({ section, text }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#${section.id}`;
      link.append(Object.assign(document.createElement("code"), { textContent: text }));
      const fix = [...section.querySelectorAll("p")].map((each) => each.cloneNode(true));
      item.append(link, ...fix);
      return item;
    }),
  );
}
document.querySelector(".find-error").hidden = false;
box.addEventListener("input", show);
