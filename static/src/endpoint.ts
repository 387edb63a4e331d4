import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print, type DocumentNode } from "graphql";
import type { Environment } from "./environment.ts";

/** The server's refusal; `code` and `reason` are stable words, `message` is English for developers. */
export interface Failure {
  readonly code: string;
  readonly reason: string | null;
  readonly field: string | null;
  readonly message: string;
}

/** What one try of a request came to. */
export type Answer<Data> =
  | { readonly kind: "data"; readonly data: Data }
  /** The server understood, and will say the same again. */
  | { readonly kind: "refused"; readonly failure: Failure }
  /** Nothing is known of the request's fate, or it was not its time: repeat it, after `retryAfter` ms where given. */
  | { readonly kind: "later"; readonly cause: string; readonly retryAfter: number | null }
  /** No session, or not this person's. */
  | { readonly kind: "signed-out" }
  /** The page's CSRF token was refused. */
  | { readonly kind: "csrf" };

/** A request of the page's own came to nothing; `answer` says how. */
export class RequestFailed extends Error {
  readonly answer: Exclude<Answer<never>, { kind: "data" }>;

  constructor(answer: Exclude<Answer<never>, { kind: "data" }>) {
    super(answer.kind === "refused" ? answer.failure.message : answer.kind);
    this.answer = answer;
  }
}

/** A request's variables, as codegen types them. */
export type Variables = { readonly [name: string]: unknown };

const TIMEOUT_MS = 20_000;
const VIEWER_HEADER = "Todoku-Viewer";
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/;

const texts = new WeakMap<DocumentNode, string>();

/** The text of a document, printed once. */
export function textOf(document: DocumentNode): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = print(document);
  texts.set(document, text);
  return text;
}

/** In whose name the client speaks. */
export interface Identity {
  /** A session of anybody else is refused. */
  readonly viewerId: string;
  /** "Bearer <API token>", where there is no session: outside a browser. */
  readonly authorization?: string;
}

/** GraphQL over HTTP, in the name of one person: a session of anybody else gets "signed-out". */
export class Endpoint {
  readonly #environment: Environment;
  readonly #url: string;
  readonly #identity: Identity;

  constructor(environment: Environment, url: string, identity: Identity) {
    this.#environment = environment;
    this.#url = url;
    this.#identity = identity;
  }

  /** One try. Never rejects; an aborted one is answered with "later". */
  async execute<Data, Given extends Variables>(
    document: TypedDocumentNode<Data, Given>,
    variables: Given,
    signal?: AbortSignal,
  ): Promise<Answer<Data>> {
    const aborting = new AbortController();
    const abort = (): void => aborting.abort();
    const stopTimer = this.#environment.clock.after(TIMEOUT_MS, abort);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted === true) abort();
    try {
      const response = await this.#environment.fetch(this.#url, {
        method: "POST",
        headers: this.#headers(),
        body: JSON.stringify({ query: textOf(document), variables }),
        credentials: "same-origin",
        redirect: "manual",
        signal: aborting.signal,
      });
      return read<Data>(response, await response.text());
    } catch (error) {
      return { kind: "later", cause: aborting.signal.aborted ? "timeout" : String(error), retryAfter: null };
    } finally {
      stopTimer();
      signal?.removeEventListener("abort", abort);
    }
  }

  #headers(): Record<string, string> {
    const token = this.#environment.csrfToken();
    const { viewerId, authorization } = this.#identity;
    return {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      [VIEWER_HEADER]: viewerId,
      ...(authorization === undefined ? {} : { authorization }),
      ...(token === null ? {} : { "X-CSRFToken": token }),
    };
  }
}

function read<Data>(response: Response, text: string): Answer<Data> {
  const retryAfter = secondsOf(Number(response.headers.get("retry-after") ?? Number.NaN));
  const body = JSON_TYPE.test(response.headers.get("content-type") ?? "") ? parsed(text) : undefined;
  if (isRecord(body) && Array.isArray(body["errors"]) && body["errors"].length > 0) {
    return answerTo<Data>(body["errors"][0], response.status, retryAfter);
  }
  if (response.ok && isRecord(body) && isRecord(body["data"])) {
    // The one place where the server is believed to answer in the types of its printed schema.
    return { kind: "data", data: body["data"] as Data };
  }
  switch (response.status) {
    case 401:
      return { kind: "signed-out" };
    case 403:
      // Django's own page; the endpoint itself answers in GraphQL.
      return { kind: "csrf" };
    case 413:
      return { kind: "refused", failure: { code: "TOO_LARGE", reason: "TOO_LARGE", field: null, message: "413" } };
    default:
      // Among them: a proxy's page while the server restarts, a captive portal, a redirection.
      return { kind: "later", cause: `HTTP ${response.status}`, retryAfter };
  }
}

function answerTo<Data>(error: unknown, status: number, retryAfter: number | null): Answer<Data> {
  const failure = failureOf(error);
  switch (failure.code) {
    case "UNAUTHENTICATED":
      return failure.reason === "CSRF_FAILED" ? { kind: "csrf" } : { kind: "signed-out" };
    case "RATE_LIMITED":
      return { kind: "later", cause: failure.code, retryAfter: retryAfterOf(error) ?? retryAfter };
    case "INTERNAL_SERVER_ERROR":
      return { kind: "later", cause: failure.code, retryAfter };
    default:
      return status >= 500 ? { kind: "later", cause: `HTTP ${status}`, retryAfter } : { kind: "refused", failure };
  }
}

/** What a GraphQL error says in its extensions; a code of "BAD_REQUEST" where it has none. */
export function failureOf(error: unknown): Failure {
  const extensions = isRecord(error) && isRecord(error["extensions"]) ? error["extensions"] : {};
  return {
    code: textIn(extensions, "code") ?? "BAD_REQUEST",
    reason: textIn(extensions, "reason"),
    field: textIn(extensions, "field"),
    message: (isRecord(error) ? textIn(error, "message") : null) ?? "",
  };
}

/** Milliseconds after which a GraphQL error asks to come back. */
export function retryAfterOf(error: unknown): number | null {
  const extensions = isRecord(error) && isRecord(error["extensions"]) ? error["extensions"] : {};
  return secondsOf(extensions["retryAfter"]);
}

function secondsOf(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value * 1000 : null;
}

function textIn(record: Record<string, unknown>, name: string): string | null {
  const value = record[name];
  return typeof value === "string" ? value : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
