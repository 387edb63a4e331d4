import assert from "node:assert/strict";
import { test } from "node:test";
import { Endpoint, textOf } from "../../static/src/endpoint.ts";
import { MessagePlaceDocument } from "../../static/src/generated/operations.ts";
import { openBrowser } from "./parts/browser.ts";
import { Chance } from "./parts/chance.ts";
import { FakeClock } from "./parts/clock.ts";
import { ModelServer } from "./parts/server.ts";
import { settled } from "./parts/waiting.ts";

const clock = new FakeClock();

function endpointOver(fetch: (url: string, init: RequestInit) => Promise<Response>, authorization?: string): Endpoint {
  const network = { fetch, WebSocket: new ModelServer().network.WebSocket };
  const { environment } = openBrowser(clock, new Chance(1)).openTab(() => network);
  return new Endpoint(environment, "/graphql", { viewerId: "1", ...(authorization === undefined ? {} : { authorization }) });
}

test("A request is GraphQL over HTTP in the viewer's name, with the CSRF token of that moment", async () => {
  const seen: { url: string; init: RequestInit }[] = [];
  const endpoint = endpointOver(async (url, init) => {
    seen.push({ url, init });
    return Response.json({ data: { message: null } });
  });
  assert.deepEqual(await endpoint.execute(MessagePlaceDocument, { id: "x" }), { kind: "data", data: { message: null } });
  const { url, init } = seen[0] ?? assert.fail("nothing was asked");
  assert.equal(url, "/graphql");
  assert.deepEqual(init.headers, {
    accept: "application/graphql-response+json, application/json",
    "content-type": "application/json",
    "Todoku-Viewer": "1",
    "X-CSRFToken": "token",
  });
  assert.deepEqual(JSON.parse(String(init.body)), { query: textOf(MessagePlaceDocument), variables: { id: "x" } });
  assert.deepEqual([init.method, init.credentials, init.redirect], ["POST", "same-origin", "manual"]);
});

test("An API token goes along where there is no session", async () => {
  let headers: HeadersInit | undefined;
  const endpoint = endpointOver(async (_, init) => {
    headers = init.headers;
    return Response.json({ data: { message: null } });
  }, "Bearer secret");
  await endpoint.execute(MessagePlaceDocument, { id: "x" });
  assert.equal(new Headers(headers).get("authorization"), "Bearer secret");
});

test("A request without an answer is given up after twenty seconds and may be repeated", async () => {
  let aborted = false;
  const endpoint = endpointOver(
    (_, { signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          aborted = true;
          reject(new DOMException("aborted", "AbortError"));
        });
      }),
  );
  const answering = endpoint.execute(MessagePlaceDocument, { id: "x" });
  await settled();
  clock.advance(19_999);
  assert.equal(aborted, false);
  clock.advance(1);
  assert.deepEqual(await answering, { kind: "later", cause: "timeout", retryAfter: null });
  assert.equal(clock.waiting, 0);
});

test("A body that breaks off is no answer", async () => {
  const endpoint = endpointOver(async () => new Response('{"data":{"mess', { headers: { "content-type": "application/json" } }));
  assert.equal((await endpoint.execute(MessagePlaceDocument, { id: "x" })).kind, "later");
});

test("A Retry-After of a proxy is obeyed", async () => {
  const endpoint = endpointOver(async () => new Response("busy", { status: 503, headers: { "retry-after": "7" } }));
  const answer = await endpoint.execute(MessagePlaceDocument, { id: "x" });
  assert.deepEqual(answer, { kind: "later", cause: "HTTP 503", retryAfter: 7_000 });
});
