// Rank the messages of this page against what was pasted, a line or a whole traceback.
const box = document.querySelector(".find-error textarea");
const list = document.querySelector(".find-error ol");
// Addresses, numbers and paths differ from reader to reader; names only count as words.
const words = (text) =>
  text
    .toLowerCase()
    .replace(/0x[0-9a-f…]+|\d+|(?:[\w.-]*\/)+[\w.-]*/g, " ")
    .match(/[\p{L}_]+/gu) ?? [];
const pairs = (found) => found.slice(1).map((word, index) => `${found[index]} ${word}`);
const parts = (text) => {
  const found = words(text);
  return new Set([...found, ...pairs(found)]);
};
const messages = [...document.querySelectorAll("#all-messages > section")].map((section) => {
  const text = section.querySelector("h3 > code").textContent;
  return { section, text, parts: parts(text) };
});
const counts = new Map();
for (const message of messages)
  for (const part of message.parts) counts.set(part, (counts.get(part) ?? 0) + 1);
// A word that many messages have says little.
const weight = (part) =>
  counts.has(part) ? Math.log(1 + messages.length / counts.get(part)) : 0.5;
const sum = (found) => [...found].reduce((total, part) => total + weight(part), 0);
const likeness = (line, message) => {
  const shared = sum([...message.parts].filter((part) => line.has(part)));
  return shared && (2 * shared) / (sum(line) + sum(message.parts));
};
function rank(pasted) {
  // Of a traceback, the lines that are neither a place nor code say what was raised.
  const lines = pasted.split("\n").filter((line) => line.trim() && !/^\s+\S|^Traceback|^\s*File "/.test(line));
  const found = (lines.length ? lines : [pasted]).map(parts);
  return messages
    .map((message) => ({ ...message, score: Math.max(...found.map((line) => likeness(line, message))) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 3);
}
function show() {
  list.replaceChildren(
    ...(box.value.trim() ? rank(box.value) : []).map(({ section, text }) => {
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
