// What a click on "Try it here" starts: the worker, the frame, the editor, the log.
const root = new URL("..", import.meta.url);
const PATIENCE = 2500;
const PRIVATE = "Your browser does not allow this here (a private window, an old browser, or a page opened from a file).";
const OFFLINE = "The download failed: are you offline?";
const PARTS = `
  <progress max="100" value="0" aria-label="Loading"></progress>
  <pre class="live-error" tabindex="0" role="region" aria-label="Traceback" hidden></pre>
  <iframe hidden></iframe>
  <details><summary>Edit the code</summary>
    <textarea aria-label="Code" spellcheck="false" autocapitalize="off" rows="24"></textarea>
    <button type="button" name="run">Run again</button> <button type="button" name="reset">Reset</button>
  </details>
  <details><summary>Requests</summary><div tabindex="0" role="region" aria-label="Requests"><table>
    <thead><tr><th>Method<th>Path<th>Status<th>ms<th>Session<th>Connections out</tr></thead><tbody></tbody>
  </table></div></details>`;
let running;

class Live {
  constructor(box) {
    this.box = box;
    this.button = box.querySelector("button");
    this.status = box.querySelector("[role=status]");
  }

  find(selector) {
    return this.body.querySelector(selector);
  }

  async start() {
    running?.stop("Stopped: another one was started.");
    running = this;
    const id = (this.id = crypto.randomUUID?.() ?? "none");
    this.button.textContent = "Stop";
    this.body = document.createElement("div");
    this.body.innerHTML = PARTS;
    this.box.append(this.body);
    this.find("iframe").title = `The admin of ${this.box.dataset.module}, running in this tab`;
    this.find("[name=run]").onclick = () => this.run(this.find("textarea").value);
    this.find("[name=reset]").onclick = () => this.run();
    this.say("Downloading");
    try {
      await this.prepare();
    } catch {
      if (this.id === id) this.fail(PRIVATE);
      return;
    }
    if (this.id === id) this.run();
  }

  // The service worker, without which the frame has no server; an empty module tells whether WebAssembly is blocked.
  async prepare() {
    new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    if (!self.DecompressionStream || !self.BroadcastChannel) throw new Error();
    const patience = new Promise((_, reject) => setTimeout(reject, PATIENCE));
    const registration = await Promise.race([navigator.serviceWorker.register(new URL("app/sw.js", root)), patience]);
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    const active = new Promise((resolve) => {
      const look = () => worker.state === "activated" && resolve();
      worker.addEventListener("statechange", look);
      look();
    });
    await Promise.race([active, patience]);
    this.scope = registration.scope;
  }

  load() {
    this.loaded = 0;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => this.fail(event.message ? `It ended: ${event.message}.` : OFFLINE);
    this.channel = new BroadcastChannel("live");
    this.channel.onmessage = ({ data }) => {
      if (data.id !== this.id) return;
      this.channel.postMessage({ key: data.key, taken: true });
      this.open.add(data.key);
      this.worker.postMessage({ request: data });
    };
  }

  // With the original when there is no text. What does not end is ended by the next run.
  async run(text) {
    const working = () => this.busy || this.open?.size;
    if (working()) await new Promise((resolve) => setTimeout(resolve, 1000));
    if (!this.id) return;
    if (working()) this.unload();
    this.say(this.worker ? "Starting the application" : "Downloading");
    this.open = new Set();
    this.busy = true;
    if (!this.worker) this.load();
    this.find("progress").hidden = false;
    this.find("tbody").replaceChildren();
    this.find(".live-error").hidden = true;
    const { module, factory } = this.box.dataset;
    this.worker.postMessage({ start: { module, factory, text: text ?? this.original, origin: this.scope + this.id } });
    this.edited = text;
  }

  receive(data) {
    if (data.loaded) this.find("progress").value = (80 * (this.loaded += data.loaded)) / this.box.dataset.bytes;
    if (data.step) {
      this.say(data.step);
      this.find("progress").value += 5;
    }
    if (data.failed) this.fail(data.offline ? OFFLINE : `It ended: ${data.failed.trim().split("\n").pop()}.`);
    if (data.started) this.show(data);
    if (data.key) this.answer(data);
  }

  show({ started, original }) {
    this.busy = false;
    this.original ??= original;
    this.find("textarea").value = this.edited ?? this.original;
    this.find("progress").hidden = true;
    this.find("iframe").hidden = !started.path;
    if (started.error) return this.raised(started.error);
    this.say("It runs.");
    this.find("iframe").src = `${this.scope}${this.id}${started.path}`;
  }

  raised([title, traceback]) {
    this.say(`It raised ${title}`);
    this.find(".live-error").textContent = traceback;
    this.find(".live-error").hidden = false;
  }

  answer(data) {
    this.open.delete(data.key);
    this.channel.postMessage(data);
    const cells = [data.method, data.path, data.status, data.ms, data.sessions?.join(", ") || "none", data.kept ?? ""];
    const row = this.find("tbody").insertRow();
    for (const text of cells) row.insertCell().textContent = text;
    row.classList.toggle("live-kept", data.kept > 0);
    for (const error of data.errors) this.raised(error);
  }

  say(text) {
    this.status.textContent = text;
  }

  unload() {
    this.worker?.terminate();
    this.channel?.close();
    this.worker = undefined;
  }

  stop(text) {
    this.unload();
    running = this.id = this.busy = undefined;
    this.button.textContent = "Try it here";
    this.body.remove();
    this.say(text);
  }

  fail(text) {
    this.stop(text);
    const link = Object.assign(document.createElement("a"), { href: this.box.dataset.verify, textContent: "Run it on your own machine" });
    this.status.append(" ", link, ".");
  }
}

const lives = new Map();

export function toggle(box) {
  if (!lives.has(box)) lives.set(box, new Live(box));
  const live = lives.get(box);
  if (live.id) live.stop("Stopped.");
  else live.start();
}
