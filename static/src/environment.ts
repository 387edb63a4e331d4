import type { Stop } from "./changes.ts";
import type { Observation } from "./observation.ts";

/** Time, so that a test can bring its own. Milliseconds everywhere. */
export interface Clock {
  /** Milliseconds since the epoch; for what is shown and for differences. */
  now(): number;
  after(delay: number, then: () => void): Stop;
}

/** What happens to the page as a whole. */
export type PageEvent = "online" | "offline" | "visible" | "hidden";

export interface PageState {
  readonly online: boolean;
  readonly visible: boolean;
  subscribe(listener: (event: PageEvent) => void): Stop;
}

/** One named line between the tabs of one browser; what a tab posts, all others hear. */
export interface TabChannel {
  post(message: unknown): void;
  subscribe(listener: (message: unknown) => void): Stop;
  close(): void;
}

export interface TabLock {
  /**
   * Run `work` while no other tab holds `name`; waits for it until `signal` aborts (then it rejects).
   * With `steal` it doesn't wait: who held it has lost it, and that one's call rejects.
   */
  hold(name: string, options: { signal?: AbortSignal; steal?: boolean }, work: () => Promise<void>): Promise<void>;
}

/** All that the client takes from where it runs: a browser, or Node.js in tests and drills. */
export interface Environment {
  readonly clock: Clock;
  readonly page: PageState;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** A WebSocket class of the standard's kind. */
  readonly WebSocket: unknown;
  /** null where nothing can be kept: then the outbox lasts as long as the page. */
  readonly indexedDB: IDBFactory | null;
  /** null where tabs can't agree on one (an insecure context): then each sends, and repeats do no harm. */
  readonly locks: TabLock | null;
  openChannel(name: string): TabChannel;
  /** Between 0 (inclusive) and 1 (exclusive). */
  random(): number;
  randomUUID(): string;
  /** As it is now: it changes at log-in. null where there is none. */
  csrfToken(): string | null;
  /** Absent where nobody keeps a record. */
  readonly observe?: (what: Observation) => void;
}
