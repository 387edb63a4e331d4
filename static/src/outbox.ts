import { Changes, type Stop } from "./changes.ts";
import type { Taken } from "./delivery.ts";
import { isRecord, type Endpoint, type Failure } from "./endpoint.ts";
import type { Environment, PageEvent, TabChannel } from "./environment.ts";
import { Leadership } from "./leadership.ts";
import { Ledger } from "./ledger.ts";
import { Sender, type Queue } from "./sender.ts";
import type { Row } from "./storage.ts";

export type { Failure } from "./endpoint.ts";

/** What a person did; kept until the server has it. */
export type Operation =
  | { readonly kind: "send"; readonly messageId: string; readonly body: string; readonly replyToId: string | null }
  | { readonly kind: "edit"; readonly messageId: string; readonly body: string }
  | { readonly kind: "delete"; readonly messageId: string }
  | { readonly kind: "addReaction"; readonly messageId: string; readonly emoji: string }
  | { readonly kind: "removeReaction"; readonly messageId: string; readonly emoji: string }
  | { readonly kind: "markRead"; readonly seq: number }
  | { readonly kind: "markUnread"; readonly seq: number };

export type OperationState =
  | { readonly kind: "waiting" }
  | { readonly kind: "sending" }
  /** Held for a moderator: with the server, but not in the room yet. */
  | { readonly kind: "held" }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface PendingOperation {
  /** The message's own for a send, else the operation's opId. */
  readonly id: string;
  readonly roomId: string;
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
  /** What a person would lose by leaving: all that isn't with the server yet but read markers; failed ones too. */
  readonly unsentCount: number;
  /** Whether it survives closing the browser. */
  readonly durable: boolean;
}

/** What was queued: its id, and when it is safe in the browser's storage (never rejects). */
export interface Queued {
  readonly id: string;
  readonly kept: Promise<void>;
}

/** What the sending tab tells the others. */
type Report =
  | { readonly kind: "taken"; readonly taken: Taken }
  | { readonly kind: "sender"; readonly state: OutboxState; readonly sending: readonly number[] };

/**
 * What a person did and the server doesn't have yet: kept in the browser, shown at once, sent in order, tried for ever.
 *
 * Every operation has an id that makes its repeat harmless, so a lost answer, a crash or a second tab costs nothing.
 */
export class Outbox {
  readonly #environment: Environment;
  readonly #viewerId: string;
  readonly #changes = new Changes<OutboxView>();
  readonly #results = new Changes<Taken>();
  readonly #channel: TabChannel;
  readonly #ledger: Ledger;
  readonly #sender: Sender;
  readonly #leadership: Leadership;
  readonly #stops: readonly Stop[];
  /** What the tab that sends has told, where that is another one. */
  #leader: { readonly state: OutboxState; readonly sending: readonly number[] } = { state: { kind: "running" }, sending: [] };
  #shown: ReadonlyMap<string, { readonly row: Row; readonly pending: PendingOperation }> = new Map();
  #stopped = false;
  #view: OutboxView;
  #reported = "";

  /** Reads what was kept, and starts sending it where no other tab does. */
  constructor(environment: Environment, endpoint: Endpoint, viewerId: string) {
    this.#environment = environment;
    this.#viewerId = viewerId;
    this.#channel = environment.openChannel(`todoku-outbox-${viewerId}`);
    this.#ledger = new Ledger(environment, viewerId, this.#channel);
    this.#sender = new Sender(environment, endpoint, this.#queue());
    this.#leadership = new Leadership(environment, `todoku-sender-${viewerId}`, {
      won: () => this.#sender.start(),
      lost: () => this.#sender.stop(),
      asked: (urgent) => {
        this.#work(urgent);
        this.#channel.post(this.#report());
      },
    });
    this.#view = this.#compose();
    this.#stops = [
      this.#channel.subscribe((message) => this.#onReport(message)),
      this.#ledger.subscribe(() => {
        if (!this.#ledger.durable) this.#goAlone();
        this.#sender.wake();
        this.#update();
      }),
      environment.page.subscribe((event) => this.#onPage(event)),
    ];
    void this.#ledger.read().then((rows) => {
      if (this.#stopped) return;
      if (this.#ledger.durable) this.#leadership.start();
      if (rows.length > 0) this.#ask(true);
    });
  }

  get view(): OutboxView {
    return this.#view;
  }

  subscribe(listener: (view: OutboxView) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  /** What the server made of operations, whichever tab sent them; told before the operation leaves the view. */
  onResult(listener: (taken: Taken) => void): Stop {
    return this.#results.subscribe(listener);
  }

  send(roomId: string, body: string, replyToId: string | null = null): Queued {
    const messageId = this.#environment.randomUUID();
    return this.#add(roomId, { kind: "send", messageId, body, replyToId }, messageId);
  }

  edit(roomId: string, messageId: string, body: string): Queued {
    return this.#add(roomId, { kind: "edit", messageId, body });
  }

  /** A message that was not tried yet, or failed, is taken back with all that was done to it. */
  delete(roomId: string, messageId: string): Queued {
    const send = this.#ledger.find(messageId);
    if (send === undefined || !isHere(send)) return this.#add(roomId, { kind: "delete", messageId });
    const id = this.#environment.randomUUID();
    const kept = this.#takeBack(messageId).then(async (taken) => {
      if (!taken) await this.#add(roomId, { kind: "delete", messageId }, id).kept;
    });
    return { id, kept };
  }

  addReaction(roomId: string, messageId: string, emoji: string): Queued {
    return this.#add(roomId, { kind: "addReaction", messageId, emoji });
  }

  removeReaction(roomId: string, messageId: string, emoji: string): Queued {
    return this.#add(roomId, { kind: "removeReaction", messageId, emoji });
  }

  /** Of several that wait, the last one is sent. */
  markRead(roomId: string, seq: number): Queued {
    return this.#mark(roomId, { kind: "markRead", seq });
  }

  markUnread(roomId: string, seq: number): Queued {
    return this.#mark(roomId, { kind: "markUnread", seq });
  }

  /** Send a failed operation again, in its old place. */
  async retry(id: string): Promise<void> {
    const row = this.#ledger.find(id);
    if (row === undefined) return;
    await this.#ledger.update(row, (now) => (now.state.kind === "failed" ? { ...now, state: { kind: "waiting" } } : null));
    this.#ask(true);
  }

  /** Forget an operation that failed or is held; a message with all that was done to it. */
  async discard(id: string): Promise<void> {
    const row = this.#ledger.find(id);
    if (row === undefined || row.state.kind === "waiting") return;
    const isMessage = row.operation.kind === "send";
    await this.#ledger.remove([...this.#ledger.kept].filter((other) => other === row || (isMessage && isAbout(other, id))));
  }

  /** The message is in the room: where it was held, it no longer is. */
  async arrived(messageId: string): Promise<void> {
    const row = this.#ledger.find(messageId);
    if (row?.state.kind === "held") await this.#ledger.remove([row]);
  }

  /** Try now, also after a pause. */
  tryNow(): void {
    this.#ask(true);
  }

  /** Whether this person has something unsent in this browser, from any tab: for the question before log-out. */
  async hasUnsent(): Promise<boolean> {
    return (await this.#ledger.read()).some(isUnsent);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    this.#sender.stop();
    this.#leadership.stop();
    this.#ledger.stop();
    this.#channel.close();
    this.#update();
  }

  /** There is something to send, for this tab or the one that sends for all. */
  #ask(urgent: boolean): void {
    if (this.#ledger.durable) this.#leadership.ask(urgent);
    else this.#work(urgent);
  }

  #work(urgent: boolean): void {
    if (urgent) this.#sender.tryNow();
    else this.#sender.wake();
  }

  /** No other tab sees what is in the ledger: it is sent from here, and theirs is left to them. */
  #goAlone(): void {
    this.#leadership.stop();
    this.#sender.start();
  }

  get #sends(): boolean {
    return this.#leadership.leads || !this.#ledger.durable;
  }

  #queue(): Queue {
    const ledger = this.#ledger;
    return {
      get rows() {
        return ledger.kept;
      },
      claim: async (row) => {
        const claimed = await ledger.update(row, (now) => (now.state.kind === "waiting" ? { ...now, attempted: true } : null));
        if (claimed === null) await ledger.read();
        return claimed;
      },
      taken: async (row, taken) => {
        this.#results.emit(taken);
        this.#channel.post({ kind: "taken", taken } satisfies Report);
        if (taken.kind === "held") await ledger.update(row, (now) => ({ ...now, state: { kind: "held" } }));
        else await ledger.remove([row]);
      },
      refused: async (row, failure) => {
        if (isMarker(row)) await ledger.remove([row]);
        else await ledger.update(row, (now) => ({ ...now, state: { kind: "failed", failure } }));
      },
      changed: () => this.#update(),
    };
  }

  #add(roomId: string, operation: Operation, id: string = this.#environment.randomUUID()): Queued {
    const createdAt = new Date(this.#environment.clock.now()).toISOString();
    const viewerId = this.#viewerId;
    const kept = this.#ledger
      .add({ id, viewerId, roomId, createdAt, operation, attempted: false, state: { kind: "waiting" } })
      .then(() => this.#ask(false));
    return { id, kept };
  }

  #mark(roomId: string, operation: Operation): Queued {
    const overtaken = [...this.#ledger.kept].filter((row) => row.roomId === roomId && isMarker(row) && isHere(row));
    const queued = this.#add(roomId, operation);
    void queued.kept.then(() => this.#ledger.remove(overtaken));
    return queued;
  }

  /** Remove a message that the server can't have, and what was done to it; false where it was tried meanwhile. */
  #takeBack(messageId: string): Promise<boolean> {
    return this.#ledger.removeWhere((rows) => {
      const all = rows.filter((row) => isAbout(row, messageId));
      return all.some((row) => row.operation.kind === "send" && isHere(row)) ? all : [];
    });
  }

  #onReport(message: unknown): void {
    if (!isReport(message)) return;
    switch (message.kind) {
      case "taken":
        return this.#results.emit(message.taken);
      case "sender":
        this.#leader = message;
        return this.#update();
      default:
        return message satisfies never;
    }
  }

  #onPage(event: PageEvent): void {
    switch (event) {
      case "visible":
        // A frozen tab may have missed what the others said.
        void this.#ledger.read();
        return this.#ask(true);
      case "online":
        return this.#ask(true);
      case "offline":
      case "hidden":
        return;
      default:
        return event satisfies never;
    }
  }

  #update(): void {
    this.#view = this.#compose();
    this.#reportIfNew();
    this.#changes.emit(this.#view);
  }

  #reportIfNew(): void {
    if (!this.#leadership.leads) return;
    const report = this.#report();
    const text = JSON.stringify(report);
    if (text !== this.#reported) this.#channel.post(report);
    this.#reported = text;
  }

  #report(): Report {
    return { kind: "sender", state: this.#sender.state, sending: [...this.#sender.sending] };
  }

  #compose(): OutboxView {
    const sends = this.#sends;
    const sending: ReadonlySet<number> = sends ? this.#sender.sending : new Set(this.#leader.sending);
    const shown = new Map<string, { readonly row: Row; readonly pending: PendingOperation }>();
    const rows = this.#ledger.all;
    for (const row of rows) {
      const isSending = "position" in row && typeof row.position === "number" && sending.has(row.position);
      const before = this.#shown.get(row.id);
      const isSame = before?.row === row && (before.pending.state.kind === "sending") === isSending;
      shown.set(row.id, isSame ? before : { row, pending: pendingOf(row, isSending) });
    }
    this.#shown = shown;
    return {
      state: this.#stopped ? { kind: "stopped" } : sends ? this.#sender.state : this.#leader.state,
      operations: [...shown.values()].map(({ pending }) => pending),
      unsentCount: rows.filter(isUnsent).length,
      durable: this.#ledger.durable,
    };
  }
}

function pendingOf({ id, roomId, createdAt, operation, state }: Row, isSending: boolean): PendingOperation {
  return { id, roomId, createdAt, operation, state: isSending ? { kind: "sending" } : state };
}

function isAbout({ operation }: Row, messageId: string): boolean {
  return "messageId" in operation && operation.messageId === messageId;
}

function isMarker({ operation }: Row): boolean {
  return operation.kind === "markRead" || operation.kind === "markUnread";
}

function isUnsent(row: Row): boolean {
  return !isMarker(row) && row.state.kind !== "held";
}

/** Whether the server surely doesn't have it. */
function isHere({ attempted, state }: Row): boolean {
  return !attempted || state.kind === "failed";
}

/** What another tab posts is of our own making; what isn't a report is passed over. */
function isReport(message: unknown): message is Report {
  return isRecord(message) && (message["kind"] === "taken" || message["kind"] === "sender");
}
