import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { Stop } from "./changes.ts";

/** Why the connection will not come back by itself. */
export type StopReason =
  /** 4401, UNAUTHENTICATED or the session's end: the page asks to log in. */
  | "signed-out"
  /** 4403: this person may not connect (banned). */
  | "forbidden"
  /** `stop()` was called. */
  | "closed";

/** `cutAt`: when the connection was lost (or first wanted), in milliseconds since the epoch. */
export type ConnectionState =
  | { readonly kind: "connecting"; readonly attempt: number; readonly cutAt: number }
  | { readonly kind: "connected"; readonly since: number }
  /** Waits; the next try begins at `retryAt`. */
  | { readonly kind: "reconnecting"; readonly attempt: number; readonly cutAt: number; readonly retryAt: number }
  /** The browser says there is no network; tries all the same, for a server may be on this machine. */
  | { readonly kind: "offline"; readonly attempt: number; readonly cutAt: number; readonly retryAt: number }
  | { readonly kind: "stopped"; readonly reason: StopReason };

/** One cut that was mended: for the status panel. */
export interface Reconnection {
  readonly cause: string;
  readonly cutAt: number;
  readonly backAt: number;
  readonly attempts: number;
}

export declare class Connection {
  get state(): ConnectionState;
  /** The latest first, at most 20. */
  get reconnections(): readonly Reconnection[];
  /** Milliseconds between the last ping and its pong; null before the first. */
  get roundTrip(): number | null;
  /** When the server was last heard. */
  get lastHeardAt(): number | null;
  subscribe(listener: (state: ConnectionState) => void): Stop;
  /** Connect now instead of at `retryAt`; after "signed-out", ask whether it is over. */
  tryNow(): void;
  stop(reason?: StopReason): void;
  /** One GraphQL subscription on the present socket; `end` tells how it went. It is not repeated after a cut. */
  open<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    sink: SubscriptionSink<Data>,
  ): Stop;
}

export interface SubscriptionSink<Data> {
  next(data: Data): void;
  /** Never called after the returned Stop. */
  end(how: SubscriptionEnd): void;
}

export type SubscriptionEnd =
  | { readonly kind: "completed" }
  | { readonly kind: "cut" }
  | { readonly kind: "refused"; readonly code: string; readonly reason: string | null; readonly retryAfter: number | null };
