// Python, in a thread of its own: live.js sends "start" and "request" messages.
import { loadPyodide } from "./pyodide.js";
import createPyodideModule from "./pyodide.asm.js";

// Compressed by the build, since not every host compresses these types.
const TYPES = { "pyodide.asm.wasm": "application/wasm", "python_stdlib.zip": "application/zip", "site.zip": "application/zip" };
const here = new URL(".", import.meta.url).href;
const fetchPlain = fetch;

async function download(name) {
  const answer = await fetchPlain(`${here}${name}.bin`);
  if (!answer.ok) throw new TypeError(`${name}: ${answer.status}`);
  const count = new TransformStream({
    transform(chunk, controller) {
      postMessage({ loaded: chunk.length });
      controller.enqueue(chunk);
    },
  });
  const body = answer.body.pipeThrough(count).pipeThrough(new DecompressionStream("gzip"));
  return new Response(body, { headers: { "Content-Type": TYPES[name] } });
}

const downloads = Object.fromEntries(Object.keys(TYPES).map((name) => [name, download(name)]));
self.fetch = (address, options) => downloads[String(address).replace(here, "")] ?? fetchPlain(address, options);

async function load() {
  const pyodide = await loadPyodide({ indexURL: here, packageBaseUrl: here, createPyodideModule });
  postMessage({ step: "Unpacking the packages" });
  const site = await (await downloads["site.zip"]).arrayBuffer();
  pyodide.unpackArchive(site, "zip", { extractDir: "/site" });
  postMessage({ step: "Importing Flask-Admin" });
  pyodide.runPython("import sys; sys.path.insert(0, '/site'); sys.dont_write_bytecode = True");
  return pyodide.pyimport("runner");
}

const loading = load();

async function answer({ start, request }) {
  const runner = await loading;
  if (start) {
    const { module, text, factory, origin } = start;
    postMessage({ step: "Starting the application" });
    const original = runner.source(module);
    const started = JSON.parse(runner.start(module, text ?? original, factory, origin));
    return postMessage({ started, original });
  }
  const { key, method, path, headers, body } = request;
  const result = runner.handle(method, path, JSON.stringify(headers), body);
  const [entry, content] = result.toJs();
  result.destroy();
  postMessage({ key, method, path, body: content, ...JSON.parse(entry) });
}

onmessage = ({ data }) =>
  answer(data).catch((error) => postMessage({ failed: String(error), offline: error instanceof TypeError }));
