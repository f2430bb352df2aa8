// Copy a block. (Sphinx's extension for it weighs 7 KB.)
// What is shown as a proof, with prompts and output, is not there to be copied.
for (const block of document.querySelectorAll("div:not(.evidence) > div.highlight")) {
  const label = block.closest(".fails") ? "Copy what fails" : "Copy";
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = label;
  button.addEventListener("click", async () => {
    const code = block.querySelector("pre");
    try {
      await navigator.clipboard.writeText(code.textContent.trim() + "\n");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    button.addEventListener("blur", () => (button.textContent = label), { once: true });
  });
  block.prepend(button);
}
// Keep the chosen tab, so that the next page opens on the same Flask-Admin release.
for (const tab of document.querySelectorAll(".tab-set > .tab-label")) {
  if (localStorage.getItem("tab") === tab.textContent) tab.previousElementSibling.checked = true;
  tab.addEventListener("click", () => localStorage.setItem("tab", tab.textContent));
}
// A block that scrolls sideways can be reached and scrolled by keyboard.
for (const block of document.querySelectorAll("pre, .table-wrapper")) {
  if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
}
// Show only the rows that hold every word of what was typed.
for (const box of document.querySelectorAll("input[data-filter]")) {
  const rows = document.querySelectorAll(`table.${box.dataset.filter} tbody tr`);
  box.closest(".filter").hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    box.closest(".filter").querySelector("output").value = `${count} found`;
  });
}
