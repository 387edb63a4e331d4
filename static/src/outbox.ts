import type { Stop } from "./changes.ts";

/** What a person did; kept until the server has it. `id` is the message's own for a send, else the opId. */
export type Operation =
  | { readonly kind: "send"; readonly messageId: string; readonly body: string; readonly replyToId: string | null }
  | { readonly kind: "edit"; readonly messageId: string; readonly body: string }
  | { readonly kind: "delete"; readonly messageId: string }
  | { readonly kind: "addReaction"; readonly messageId: string; readonly emoji: string }
  | { readonly kind: "removeReaction"; readonly messageId: string; readonly emoji: string }
  | { readonly kind: "markRead"; readonly seq: number }
  | { readonly kind: "markUnread"; readonly seq: number };

/** The server's refusal; `code` and `reason` are stable words, `message` is English for developers. */
export interface Failure {
  readonly code: string;
  readonly reason: string | null;
  readonly field: string | null;
  readonly message: string;
}

export type OperationState =
  | { readonly kind: "waiting" }
  | { readonly kind: "sending" }
  /** Held for a moderator: with the server, but not in the room yet. */
  | { readonly kind: "held" }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface PendingOperation {
  readonly id: string;
  readonly roomId: string;
  /** Rising: the order in which the person did them. */
  readonly position: number;
  readonly createdAt: string;
  readonly operation: Operation;
  readonly state: OperationState;
}

export type OutboxState =
  /** Sends what there is, or has nothing to send. */
  | { readonly kind: "running" }
  /** Network or server trouble; the next try begins at `retryAt`. */
  | { readonly kind: "retrying"; readonly retryAt: number }
  /** Signed out, or the page's CSRF token is no longer good: nothing is sent, nothing is lost. */
  | { readonly kind: "paused"; readonly reason: "signed-out" | "csrf" }
  | { readonly kind: "stopped" };

export interface OutboxView {
  readonly state: OutboxState;
  /** In the order in which they were done. */
  readonly operations: readonly PendingOperation[];
  /** What a person would lose by leaving: everything not with the server yet but read markers; failed ones too. */
  readonly unsentCount: number;
  /** Whether it survives closing the browser. */
  readonly durable: boolean;
}

/** What was queued: its id, and when it is safe in the browser's storage (never rejects). */
export interface Queued {
  readonly id: string;
  readonly kept: Promise<void>;
}

export declare class Outbox {
  get view(): OutboxView;
  subscribe(listener: (view: OutboxView) => void): Stop;
  send(roomId: string, body: string, replyToId?: string | null): Queued;
  edit(roomId: string, messageId: string, body: string): Queued;
  /** Of a message that was not tried yet (or failed): takes it back, with all that was done to it. */
  delete(roomId: string, messageId: string): Queued;
  addReaction(roomId: string, messageId: string, emoji: string): Queued;
  removeReaction(roomId: string, messageId: string, emoji: string): Queued;
  markRead(roomId: string, seq: number): Queued;
  markUnread(roomId: string, seq: number): Queued;
  /** Send a failed operation again. */
  retry(id: string): Promise<void>;
  /** Forget an operation that failed or is held, with those that depend on it. */
  discard(id: string): Promise<void>;
  /** Try now, also after a pause. */
  tryNow(): void;
  /** Whether this person has something unsent in this browser: for the question before log-out. */
  hasUnsent(): Promise<boolean>;
  stop(): void;
}
