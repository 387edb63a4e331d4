import { delayBefore, type Backoff } from "./backoff.ts";
import type { Stop } from "./changes.ts";
import { deliver, type Taken } from "./delivery.ts";
import type { Answer, Endpoint, Failure } from "./endpoint.ts";
import type { Environment } from "./environment.ts";
import type { OutboxState } from "./outbox.ts";
import type { KeptRow } from "./storage.ts";

/** What the sender works on. */
export interface Queue {
  /** In the order in which they were done. */
  readonly rows: Iterable<KeptRow>;
  /** Mark it as tried; null where it was taken back. */
  claim(row: KeptRow): Promise<KeptRow | null>;
  taken(row: KeptRow, taken: Taken): Promise<void>;
  refused(row: KeptRow, failure: Failure): Promise<void>;
  /** `state` or `sending` is another one. */
  changed(): void;
}

/** Operations that keep their order: those of a room, with its read markers apart. */
interface Lane {
  busy: boolean;
  attempt: number;
  notBefore: number;
  /** How long it was put off: a clock that is set back doesn't make it longer. */
  delay: number;
  /** The server said when: nobody tries earlier. */
  told: boolean;
}

type State = { readonly kind: "idle" } | { readonly kind: "running" } | Extract<OutboxState, { kind: "paused" }>;

const BACKOFF: Backoff = { base: 1_000, cap: 30_000 };
/** A token may have been renewed by another tab without this one hearing of it. */
const CSRF_RETRY_MS = 60_000;

/** Brings the queue's operations to the server: one at a time and in order in each lane, for ever. */
export class Sender {
  readonly #environment: Environment;
  readonly #endpoint: Endpoint;
  readonly #queue: Queue;
  readonly #lanes = new Map<string, Lane>();
  readonly #sending = new Set<number>();
  #state: State = { kind: "idle" };
  #aborting = new AbortController();
  #stopTimer: Stop = () => undefined;

  constructor(environment: Environment, endpoint: Endpoint, queue: Queue) {
    this.#environment = environment;
    this.#endpoint = endpoint;
    this.#queue = queue;
  }

  /** The positions of those that are on their way now. */
  get sending(): ReadonlySet<number> {
    return this.#sending;
  }

  get state(): OutboxState {
    switch (this.#state.kind) {
      case "paused":
        return this.#state;
      case "idle":
      case "running": {
        const retryAt = this.#nextRetry();
        return retryAt === null ? { kind: "running" } : { kind: "retrying", retryAt };
      }
      default:
        return this.#state satisfies never;
    }
  }

  start(): void {
    if (this.#state.kind !== "idle") return;
    this.#aborting = new AbortController();
    this.#state = { kind: "running" };
    this.wake();
  }

  /** Leave it to another tab. A try that is under way is given up: repeating it does no harm. */
  stop(): void {
    this.#state = { kind: "idle" };
    this.#stopTimer();
    this.#aborting.abort();
    this.#lanes.clear();
    this.#sending.clear();
  }

  /** The network is back, or a person wants it: end pauses and back-off. */
  tryNow(): void {
    if (this.#state.kind === "idle") return;
    this.#state = { kind: "running" };
    for (const lane of this.#lanes.values()) if (!lane.told) lane.notBefore = 0;
    this.wake();
  }

  /** The queue is another one, or it is time. */
  wake(): void {
    if (this.#state.kind !== "running") return;
    this.#stopTimer();
    const now = this.#environment.clock.now();
    for (const [name, head] of this.#heads()) {
      const lane = this.#lane(name);
      lane.notBefore = Math.min(lane.notBefore, now + lane.delay);
      if (!lane.busy && lane.notBefore <= now) void this.#run(lane, head);
    }
    const retryAt = this.#nextRetry();
    if (retryAt !== null) this.#stopTimer = this.#environment.clock.after(retryAt - now, () => this.wake());
  }

  /** The next one of each lane. What was done to a message that isn't sent waits for that, and holds up nothing else. */
  #heads(): Map<string, KeptRow> {
    const heads = new Map<string, KeptRow>();
    const unsent = new Set<string>();
    for (const row of this.#queue.rows) {
      const { operation } = row;
      const waitsForSend = "messageId" in operation && operation.kind !== "send" && unsent.has(operation.messageId);
      if (operation.kind === "send") unsent.add(operation.messageId);
      const name = laneOf(row);
      if (row.state.kind === "waiting" && !waitsForSend && !heads.has(name)) heads.set(name, row);
    }
    return heads;
  }

  #lane(name: string): Lane {
    const lane = this.#lanes.get(name) ?? { busy: false, attempt: 0, notBefore: 0, delay: 0, told: false };
    this.#lanes.set(name, lane);
    return lane;
  }

  #nextRetry(): number | null {
    const waiting = [...this.#heads().keys()].map((name) => this.#lane(name)).filter(({ busy }) => !busy);
    const times = waiting.map(({ notBefore }) => notBefore).filter((time) => time > this.#environment.clock.now());
    return times.length === 0 ? null : Math.min(...times);
  }

  async #run(lane: Lane, head: KeptRow): Promise<void> {
    const { signal } = this.#aborting;
    lane.busy = true;
    const row = await this.#queue.claim(head);
    if (row !== null && !signal.aborted) {
      this.#sending.add(row.position);
      this.#queue.changed();
      this.#environment.observe?.({ kind: "tried", id: row.id });
      const answer = await deliver(this.#endpoint, row, signal);
      this.#environment.observe?.({ kind: "returned", id: row.id, answer });
      this.#sending.delete(row.position);
      if (!signal.aborted) await this.#settle(lane, row, answer);
    }
    lane.busy = false;
    if (signal.aborted) return;
    this.wake();
    this.#queue.changed();
  }

  async #settle(lane: Lane, row: KeptRow, answer: Answer<Taken>): Promise<void> {
    switch (answer.kind) {
      case "data":
        this.#recover(lane);
        return this.#queue.taken(row, answer.data);
      case "refused":
        this.#recover(lane);
        return this.#queue.refused(row, answer.failure);
      case "later":
        return this.#putOff(lane, answer.retryAfter);
      case "signed-out":
        this.#state = { kind: "paused", reason: "signed-out" };
        return;
      case "csrf":
        this.#state = { kind: "paused", reason: "csrf" };
        this.#stopTimer();
        this.#stopTimer = this.#environment.clock.after(CSRF_RETRY_MS, () => this.tryNow());
        return;
      default:
        return answer satisfies never;
    }
  }

  /** The server answers: lanes that only waited for it need not wait any longer. */
  #recover(lane: Lane): void {
    lane.attempt = 0;
    lane.told = false;
    for (const other of this.#lanes.values()) if (!other.told) other.notBefore = 0;
  }

  #putOff(lane: Lane, retryAfter: number | null): void {
    const { clock, random } = this.#environment;
    const jitter = delayBefore(lane.attempt, BACKOFF, random);
    lane.attempt++;
    lane.told = retryAfter !== null;
    lane.delay = (retryAfter ?? 0) + (lane.told ? Math.min(jitter, 1_000) : jitter);
    lane.notBefore = clock.now() + lane.delay;
  }
}

function laneOf({ roomId, operation }: KeptRow): string {
  return operation.kind === "markRead" || operation.kind === "markUnread" ? `${roomId}/read` : roomId;
}
