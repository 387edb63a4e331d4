import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { createClient, type Client } from "graphql-ws/client";
import type { Stop } from "./changes.ts";
import { failureOf, isRecord, retryAfterOf, textOf, type Identity, type Variables } from "./endpoint.ts";
import type { Environment } from "./environment.ts";

export type SubscriptionEnd =
  /** The server ended it. */
  | { readonly kind: "completed" }
  /** The socket is gone. */
  | { readonly kind: "cut" }
  /** Something came that the server could not make: it has to be asked for again. */
  | { readonly kind: "spoilt" }
  | { readonly kind: "refused"; readonly code: string; readonly retryAfter: number | null };

export interface SubscriptionSink<Data> {
  next(data: Data): void;
  /** Once, and never after the Stop. */
  end(how: SubscriptionEnd): void;
}

export interface SocketOptions extends Identity {
  readonly url: string;
}

export interface SocketEvents {
  connected(): void;
  /** Any message came. */
  heard(): void;
  pong(roundTrip: number): void;
  /** The end, whoever wanted it but `close()`. */
  closed(code: number, cause: string): void;
}

const OPENING_TIMEOUT_MS = 10_000;
/** With the time for the answer below the 15 s within which a half-open socket is found. */
const PING_AFTER_MS = 9_000;
const PONG_TIMEOUT_MS = 5_000;

/**
 * One WebSocket from opening to end, with graphql-ws as its protocol.
 *
 * graphql-ws would come back by itself, with the variables of before the cut; here each socket has a client of its own
 * that is never allowed to. Pings are ours, so that a page that wakes up can ask at once.
 */
export class Socket {
  readonly #environment: Environment;
  readonly #events: SocketEvents;
  readonly #client: Client;
  readonly #cuts = new Set<Stop>();
  #phase: "opening" | "connected" | "closed" = "opening";
  #send: (text: string) => void = () => undefined;
  #heardAt: number;
  #stopTimer: Stop;
  #pingedAt: number | null = null;
  /** Since a ping, until anything comes. */
  #stopWaiting: Stop | null = null;

  constructor(environment: Environment, { url, viewerId, authorization }: SocketOptions, events: SocketEvents) {
    this.#environment = environment;
    this.#events = events;
    this.#heardAt = environment.clock.now();
    this.#stopTimer = environment.clock.after(OPENING_TIMEOUT_MS, () => this.#client.terminate());
    let operations = 0;
    this.#client = createClient({
      url,
      webSocketImpl: environment.WebSocket,
      lazy: false,
      retryAttempts: 0,
      shouldRetry: () => false,
      onNonLazyError: () => undefined,
      connectionParams: { viewer: viewerId, ...(authorization === undefined ? {} : { authorization }) },
      generateID: () => String(++operations),
      on: {
        connected: (socket) => this.#onConnected(socket),
        message: () => this.#onMessage(),
        pong: (received) => received && this.#onPong(),
        // First among the client's own listeners: nothing of what it does at the end is heard.
        closed: (event) => this.#onClosed(event),
      },
    });
  }

  /** Ask whether the server is there; the socket is given up when nothing comes back. */
  ping(): void {
    if (this.#phase !== "connected" || this.#stopWaiting !== null) return;
    const { clock } = this.#environment;
    this.#pingedAt = clock.now();
    this.#send('{"type":"ping"}');
    this.#stopWaiting = clock.after(PONG_TIMEOUT_MS, () => this.#client.terminate());
  }

  open<Data, Given extends Variables>(
    document: TypedDocumentNode<Data, Given>,
    variables: Given,
    sink: SubscriptionSink<Data>,
  ): Stop {
    let open = true;
    const close = (): boolean => {
      const wasOpen = open;
      open = false;
      this.#cuts.delete(cut);
      return wasOpen;
    };
    const end = (how: SubscriptionEnd): void => {
      if (close()) sink.end(how);
    };
    const cut = (): void => end({ kind: "cut" });
    this.#cuts.add(cut);
    const unsubscribe = this.#client.subscribe<Data>(
      { query: textOf(document), variables },
      {
        next: ({ data, errors }) => {
          if (!open) return;
          if (data !== null && data !== undefined && errors === undefined) return sink.next(data);
          end({ kind: "spoilt" });
          unsubscribe();
        },
        error: (error) => end(Array.isArray(error) ? refusal(error) : { kind: "cut" }),
        complete: () => end({ kind: "completed" }),
      },
    );
    return () => {
      if (close()) unsubscribe();
    };
  }

  /** Give the socket up; its subscriptions end as cut, and no event follows. */
  close(): void {
    if (this.#phase === "closed") return;
    const wasConnected = this.#phase === "connected";
    this.#finish();
    if (!wasConnected) this.#client.terminate();
  }

  #onConnected(socket: unknown): void {
    if (this.#phase !== "opening" || !isSender(socket)) return;
    this.#phase = "connected";
    this.#send = (text) => socket.send(text);
    this.#stopTimer();
    this.#watch(PING_AFTER_MS);
    this.#events.connected();
    this.ping();
  }

  /** One timer for all messages: it looks how long ago the last one was. */
  #watch(delay: number): void {
    const { clock } = this.#environment;
    this.#stopTimer = clock.after(delay, () => {
      // A clock that was set back would put it into the future.
      this.#heardAt = Math.min(this.#heardAt, clock.now());
      const left = this.#heardAt + PING_AFTER_MS - clock.now();
      if (left <= 0) this.ping();
      this.#watch(left <= 0 ? PING_AFTER_MS : left);
    });
  }

  #onMessage(): void {
    if (this.#phase === "closed") return;
    this.#heardAt = this.#environment.clock.now();
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    this.#events.heard();
  }

  #onPong(): void {
    if (this.#pingedAt === null || this.#phase !== "connected") return;
    this.#events.pong(Math.max(0, this.#environment.clock.now() - this.#pingedAt));
    this.#pingedAt = null;
  }

  #onClosed(event: unknown): void {
    if (this.#phase === "closed") return;
    this.#finish();
    const code = isRecord(event) && typeof event["code"] === "number" ? event["code"] : 1006;
    const reason = isRecord(event) && typeof event["reason"] === "string" ? event["reason"] : "";
    this.#events.closed(code, reason === "" ? String(code) : `${code} ${reason}`);
  }

  #finish(): void {
    this.#phase = "closed";
    this.#stopTimer();
    this.#stopWaiting?.();
    // Rejects where the socket never opened; from here on the client doesn't come back either way.
    Promise.resolve(this.#client.dispose()).catch(() => undefined);
    for (const cut of [...this.#cuts]) cut();
  }
}

function refusal(errors: readonly unknown[]): Extract<SubscriptionEnd, { kind: "refused" }> {
  return { kind: "refused", code: failureOf(errors[0]).code, retryAfter: retryAfterOf(errors[0]) };
}

function isSender(socket: unknown): socket is { send(text: string): void } {
  return typeof socket === "object" && socket !== null && "send" in socket && typeof socket.send === "function";
}
