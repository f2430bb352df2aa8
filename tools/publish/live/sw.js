// Hands each request below app/<id>/ to the tab in which that application runs.
// It keeps nothing, and its scope is the folder it lies in.
const channel = new BroadcastChannel("live");
const waiting = new Map();
// Milliseconds until a tab says that it is there, and until its application answers.
const TAKEN = 3000;
const ANSWERED = 20000;
// What an application's page may load and send: to this site alone.
const POLICY = "default-src 'self' 'unsafe-inline' data: blob:; form-action 'self'; frame-ancestors 'self'";

channel.onmessage = ({ data }) => waiting.get(data.key)?.(data);
addEventListener("install", () => skipWaiting());
addEventListener("fetch", (event) => {
  const scope = registration.scope;
  // What an application's page loads from elsewhere comes here too.
  const [url, id, path] = event.request.url.replace(scope, "app:").match(/^app:([\w-]+)(\/[^#]*)/) ?? [];
  if (!url) return;
  const asset = path.match(/^\/admin\/static\/(.*)/)?.[1];
  event.respondWith(asset ? fetch(new URL(`../static/${asset}`, scope)) : ask(event.request, id, path));
});

async function ask(request, id, path) {
  const key = crypto.randomUUID();
  const body = await request.arrayBuffer();
  const answer = await new Promise((resolve) => {
    const timer = setTimeout(resolve, TAKEN);
    waiting.set(key, (data) => {
      if (!data.taken) return resolve(data);
      clearTimeout(timer);
      setTimeout(resolve, ANSWERED);
    });
    channel.postMessage({ id, key, method: request.method, path, headers: [...request.headers], body });
  });
  waiting.delete(key);
  if (!answer) return new Response("The page that ran this application is closed, or it does not answer.", { status: 503 });
  const headers = new Headers(answer.headers);
  const target = headers.get("Location");
  if (target && answer.status >= 300 && answer.status < 400) {
    return Response.redirect(new URL(target, request.url), answer.status);
  }
  headers.set("Content-Security-Policy", POLICY);
  const empty = [204, 205, 304].includes(answer.status);
  return new Response(empty ? null : answer.body, { status: answer.status, headers });
}
