// "Try it here": a click loads page.js, and that the rest.
(() => {
  const root = document.currentScript.src;
  for (const box of document.querySelectorAll(".live")) {
    box.querySelector("button").addEventListener("click", async () => {
      try {
        (await import(new URL(`${box.dataset.version}/page.js`, root))).toggle(box);
      } catch {
        const link = Object.assign(document.createElement("a"), { href: box.dataset.verify, textContent: "Run it on your own machine" });
        box.querySelector("[role=status]").replaceChildren("It could not be loaded here. ", link, ".");
      }
    });
  }
})();
