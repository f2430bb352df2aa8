// "Try it here": a click loads page.js, and that the rest.
(() => {
  const root = document.currentScript.src;
  // Firefox does not ask again for a module that it once failed to load.
  let failures = 0;
  for (const box of document.querySelectorAll(".live")) {
    box.querySelector("button").addEventListener("click", async () => {
      try {
        (await import(new URL(`${box.dataset.version}/page.js${failures ? `?${failures}` : ""}`, root))).toggle(box);
      } catch {
        failures += 1;
        const link = Object.assign(document.createElement("a"), { href: box.dataset.verify, textContent: "Run it on your own machine" });
        box.querySelector("[role=status]").replaceChildren("It could not be loaded here. ", link, ".");
      }
    });
  }
})();
