import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { delayBefore, type Backoff } from "./backoff.ts";
import { Changes, type Stop } from "./changes.ts";
import type { Variables } from "./endpoint.ts";
import type { Environment, PageEvent } from "./environment.ts";
import { Socket, type SocketOptions, type SubscriptionSink } from "./socket.ts";

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
  /** A socket is being opened. */
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

export interface ConnectionOptions extends SocketOptions {
  readonly backoff?: Backoff;
}

/** 4013 stands for 1013 where a server can't send that. Every code but the last two means: come back. */
const CLOSE = { tryAgainLater: 1013, ownTryAgainLater: 4013, unauthorized: 4401, forbidden: 4403 } as const;

const BACKOFF: Backoff = { base: 500, cap: 15_000 };
/** A server that turns people away for now is given more time than one that was lost. */
const FULL_SERVER_ATTEMPT = 4;
/** A connection that lasted shorter counts as a failed try, or a server that accepts and closes is hammered. */
const STABLE_MS = 5_000;
const REMEMBERED_RECONNECTIONS = 20;

/** One socket to the server, opened again whenever it is lost. What runs on it does not survive a cut: see RoomFeed. */
export class Connection {
  readonly #environment: Environment;
  readonly #options: ConnectionOptions;
  readonly #changes = new Changes<ConnectionState>();
  readonly #stopListening: Stop;
  #state: ConnectionState;
  #socket: Socket | null = null;
  #stopTimer: Stop = () => undefined;
  /** Tries that failed in a row before the present state, short-lived connections among them. */
  #attempt = 0;
  #cause: string | null = null;
  #reconnections: readonly Reconnection[] = [];
  #roundTrip: number | null = null;
  #lastHeardAt: number | null = null;

  /** Starts connecting at once. */
  constructor(environment: Environment, options: ConnectionOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#state = { kind: "connecting", attempt: 0, cutAt: environment.clock.now() };
    this.#stopListening = environment.page.subscribe((event) => this.#onPage(event));
    this.#connect(this.#state.cutAt);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The latest first. */
  get reconnections(): readonly Reconnection[] {
    return this.#reconnections;
  }

  /** Milliseconds between the last ping and its pong; null before the first. */
  get roundTrip(): number | null {
    return this.#roundTrip;
  }

  /** When the server was last heard. */
  get lastHeardAt(): number | null {
    return this.#lastHeardAt;
  }

  subscribe(listener: (state: ConnectionState) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  /** Connect now instead of at `retryAt`; after "signed-out", ask whether it is over. */
  tryNow(): void {
    const state = this.#state;
    switch (state.kind) {
      case "connecting":
        return;
      case "connected":
        this.#socket?.ping();
        return;
      case "reconnecting":
      case "offline":
        this.#connect(state.cutAt);
        return;
      case "stopped":
        if (state.reason === "signed-out") this.#connect(this.#environment.clock.now());
        return;
      default:
        return state satisfies never;
    }
  }

  /** Close for good; after "signed-out", `tryNow()` and the page's coming into view ask again. */
  stop(reason: StopReason = "closed"): void {
    if (this.#state.kind === "stopped" && this.#state.reason === "closed") return;
    if (reason === "closed") this.#stopListening();
    this.#drop();
    this.#set({ kind: "stopped", reason });
  }

  /**
   * One GraphQL subscription on the present socket; it is never repeated by itself.
   *
   * Without a socket it ends at once, as cut.
   */
  open<Data, Given extends Variables>(
    document: TypedDocumentNode<Data, Given>,
    variables: Given,
    sink: SubscriptionSink<Data>,
  ): Stop {
    if (this.#socket === null || this.#state.kind !== "connected") {
      sink.end({ kind: "cut" });
      return () => undefined;
    }
    return this.#socket.open(document, variables, {
      next: (data) => sink.next(data),
      end: (how) => {
        if (how.kind === "refused" && how.code === "UNAUTHENTICATED") this.stop("signed-out");
        sink.end(how);
      },
    });
  }

  #connect(cutAt: number): void {
    this.#drop();
    this.#set({ kind: "connecting", attempt: this.#attempt, cutAt });
    const socket: Socket = new Socket(this.#environment, this.#options, {
      connected: () => this.#socket === socket && this.#onConnected(cutAt),
      heard: () => (this.#lastHeardAt = this.#environment.clock.now()),
      pong: (roundTrip) => (this.#roundTrip = roundTrip),
      closed: (code, cause) => this.#socket === socket && this.#onClosed(code, cause),
    });
    this.#socket = socket;
  }

  #onConnected(cutAt: number): void {
    const now = this.#environment.clock.now();
    if (this.#cause !== null) {
      const mended = { cause: this.#cause, cutAt, backAt: now, attempts: this.#attempt + 1 };
      this.#reconnections = [mended, ...this.#reconnections].slice(0, REMEMBERED_RECONNECTIONS);
      this.#cause = null;
    }
    this.#set({ kind: "connected", since: now });
  }

  #onClosed(code: number, cause: string): void {
    const before = this.#state;
    this.#drop();
    if (code === CLOSE.unauthorized) return this.#set({ kind: "stopped", reason: "signed-out" });
    if (code === CLOSE.forbidden) return this.#set({ kind: "stopped", reason: "forbidden" });
    if (before.kind === "connected") this.#environment.observe?.({ kind: "lost", code });
    this.#cause ??= cause;
    const now = this.#environment.clock.now();
    const lasted = before.kind === "connected" ? now - before.since : 0;
    this.#attempt = lasted >= STABLE_MS ? 0 : this.#attempt + 1;
    if (code === CLOSE.tryAgainLater || code === CLOSE.ownTryAgainLater) {
      this.#attempt = Math.max(this.#attempt, FULL_SERVER_ATTEMPT);
    }
    this.#wait("cutAt" in before ? before.cutAt : now);
  }

  #wait(cutAt: number): void {
    const { clock, page, random } = this.#environment;
    const attempt = this.#attempt;
    const delay = delayBefore(attempt, this.#options.backoff ?? BACKOFF, random);
    const kind = page.online ? "reconnecting" : "offline";
    this.#stopTimer = clock.after(delay, () => this.#connect(cutAt));
    this.#set({ kind, attempt, cutAt, retryAt: clock.now() + delay });
  }

  #onPage(event: PageEvent): void {
    const state = this.#state;
    switch (event) {
      case "online":
      case "visible":
        return this.tryNow();
      case "offline":
        if (state.kind === "reconnecting") this.#set({ ...state, kind: "offline" });
        if (state.kind === "connected") this.#socket?.ping();
        return;
      case "hidden":
        return;
      default:
        return event satisfies never;
    }
  }

  /** Drop socket and timer; what was subscribed ends as cut. */
  #drop(): void {
    this.#stopTimer();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#changes.emit(state);
  }
}
