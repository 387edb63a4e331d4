import { Changes, type Stop } from "./changes.ts";
import type { Taken } from "./delivery.ts";
import { isRecord, type Endpoint, type Failure } from "./endpoint.ts";
import type { Environment, PageEvent, TabChannel } from "./environment.ts";
import { Leadership } from "./leadership.ts";
import { Sender, type Queue } from "./sender.ts";
import { DurableStorage, PassingStorage, type KeptRow, type OperationStorage, type Row } from "./storage.ts";

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

/** Between tabs of the same person. */
type News =
  | { readonly kind: "kept"; readonly row: KeptRow }
  | { readonly kind: "gone"; readonly positions: readonly number[] }
  | { readonly kind: "taken"; readonly taken: Taken }
  | { readonly kind: "sender"; readonly state: OutboxState; readonly sending: readonly number[] };

const STORAGE_TIMEOUT_MS = 10_000;

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
  readonly #sender: Sender;
  readonly #leadership: Leadership;
  readonly #channel: TabChannel;
  readonly #stopListening: Stop;
  #storage: OperationStorage;
  #rows: ReadonlyMap<number, KeptRow> = new Map();
  /** On their way into the storage. */
  #unkept: readonly Row[] = [];
  #leader: { readonly state: OutboxState; readonly sending: readonly number[] } = { state: { kind: "running" }, sending: [] };
  #shown: ReadonlyMap<string, { readonly row: Row; readonly pending: PendingOperation }> = new Map();
  #stopped = false;
  #view: OutboxView;
  #said = "";

  /** Reads what was kept, and starts sending it where no other tab does. */
  constructor(environment: Environment, endpoint: Endpoint, viewerId: string) {
    this.#environment = environment;
    this.#viewerId = viewerId;
    const { indexedDB } = environment;
    this.#storage = indexedDB === null ? new PassingStorage() : new DurableStorage(indexedDB);
    this.#channel = environment.openChannel(`todoku-outbox-${viewerId}`);
    this.#channel.subscribe((message) => this.#onNews(message));
    this.#sender = new Sender(environment, endpoint, this.#queue());
    this.#leadership = new Leadership(environment, `todoku-sender-${viewerId}`, {
      won: () => this.#sender.start(),
      lost: () => this.#sender.stop(),
      asked: (urgent) => {
        if (urgent) this.#sender.tryNow();
        else this.#sender.wake();
        this.#tell({ kind: "sender", state: this.#sender.state, sending: [...this.#sender.sending] });
      },
    });
    this.#view = this.#compose();
    this.#stopListening = environment.page.subscribe((event) => this.#onPage(event));
    void this.#reload().then(() => {
      if (this.#stopped) return;
      this.#leadership.start();
      if (this.#rows.size > 0) this.#leadership.ask(true);
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
    const send = [...this.#rows.values()].find((row) => row.id === messageId && row.operation.kind === "send");
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
    const row = this.#find(id);
    if (row === undefined) return;
    const changed = await this.#stored((storage) =>
      storage.update(row.position, (now) => (now.state.kind === "failed" ? { ...now, state: { kind: "waiting" } } : null)),
    );
    if (changed !== null) this.#keep(changed);
    this.#leadership.ask(true);
  }

  /** Forget an operation that failed or is held; a message with all that was done to it. */
  async discard(id: string): Promise<void> {
    const row = this.#find(id);
    if (row === undefined || row.state.kind === "waiting") return;
    const dependent = row.operation.kind === "send" ? [...this.#rows.values()].filter((other) => isAbout(other, id)) : [];
    await this.#drop([row, ...dependent].map(({ position }) => position));
  }

  /** The message is in the room: where it was held, it no longer is. */
  async arrived(messageId: string): Promise<void> {
    const row = this.#find(messageId);
    if (row?.state.kind === "held") await this.#drop([row.position]);
  }

  /** Try now, also after a pause. */
  tryNow(): void {
    this.#leadership.ask(true);
  }

  /** Whether this person has something unsent in this browser, from any tab: for the question before log-out. */
  async hasUnsent(): Promise<boolean> {
    const rows = await this.#stored((storage) => storage.all(this.#viewerId));
    return this.#unkept.some(isUnsent) || rows.some(isUnsent);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopListening();
    this.#sender.stop();
    this.#leadership.stop();
    this.#channel.close();
    this.#storage.close();
    this.#update();
  }

  #queue(): Queue {
    const rows = (): Iterable<KeptRow> => this.#rows.values();
    return {
      get rows() {
        return rows();
      },
      claim: async (row) => {
        const claimed = await this.#stored((storage) =>
          storage.update(row.position, (now) => (now.state.kind === "waiting" ? { ...now, attempted: true } : null)),
        );
        if (claimed === null) await this.#reload();
        else this.#keep(claimed);
        return claimed;
      },
      taken: async (row, taken) => {
        this.#results.emit(taken);
        this.#tell({ kind: "taken", taken });
        if (taken.kind === "held") await this.#mend(row, { kind: "held" });
        else await this.#drop([row.position]);
      },
      refused: async (row, failure) => {
        if (isMarker(row)) await this.#drop([row.position]);
        else await this.#mend(row, { kind: "failed", failure });
      },
      changed: () => this.#update(),
    };
  }

  #add(roomId: string, operation: Operation, id: string = this.#environment.randomUUID()): Queued {
    const createdAt = new Date(this.#environment.clock.now()).toISOString();
    const row: Row = { id, viewerId: this.#viewerId, roomId, createdAt, operation, attempted: false, state: { kind: "waiting" } };
    this.#unkept = [...this.#unkept, row];
    this.#update();
    const kept = this.#stored((storage) => storage.add(row)).then((added) => {
      this.#unkept = this.#unkept.filter((other) => other !== row);
      this.#keep(added);
      this.#leadership.ask(false);
    });
    return { id, kept };
  }

  #mark(roomId: string, operation: Operation): Queued {
    const overtaken = [...this.#rows.values()].filter((row) => row.roomId === roomId && isMarker(row) && isHere(row));
    const queued = this.#add(roomId, operation);
    void queued.kept.then(() => this.#drop(overtaken.map(({ position }) => position)));
    return queued;
  }

  /** Remove a message that the server can't have, and what was done to it; false where it was tried meanwhile. */
  async #takeBack(messageId: string): Promise<boolean> {
    const gone = await this.#stored((storage) =>
      storage.removeWhere(this.#viewerId, (rows) => {
        const all = rows.filter((row) => isAbout(row, messageId));
        return all.some((row) => row.operation.kind === "send" && isHere(row)) ? all : [];
      }),
    );
    this.#forget(gone.map(({ position }) => position));
    return gone.length > 0;
  }

  async #mend(row: KeptRow, state: Row["state"]): Promise<void> {
    const changed = await this.#stored((storage) => storage.update(row.position, (now) => ({ ...now, state })));
    if (changed !== null) this.#keep(changed);
  }

  async #drop(positions: readonly number[]): Promise<void> {
    if (positions.length === 0) return;
    await this.#stored((storage) => storage.remove(positions));
    this.#forget(positions);
  }

  /** A row is new or another one: here, and in the other tabs. */
  #keep(row: KeptRow): void {
    this.#onNews({ kind: "kept", row });
    this.#tell({ kind: "kept", row });
  }

  #forget(positions: readonly number[]): void {
    this.#onNews({ kind: "gone", positions });
    this.#tell({ kind: "gone", positions });
  }

  #tell(news: News): void {
    if (!this.#stopped) this.#channel.post(news);
  }

  #onNews(message: unknown): void {
    if (this.#stopped || !isNews(message)) return;
    switch (message.kind) {
      case "kept":
        this.#rows = inOrder([...this.#rows.values(), message.row]);
        break;
      case "gone":
        this.#rows = inOrder([...this.#rows.values()].filter(({ position }) => !message.positions.includes(position)));
        break;
      case "taken":
        this.#results.emit(message.taken);
        return;
      case "sender":
        this.#leader = message;
        break;
      default:
        return message satisfies never;
    }
    this.#sender.wake();
    this.#update();
  }

  #onPage(event: PageEvent): void {
    switch (event) {
      case "visible":
        // A frozen tab may have missed what the others said.
        void this.#reload();
        return this.#leadership.ask(true);
      case "online":
        return this.#leadership.ask(true);
      case "offline":
      case "hidden":
        return;
      default:
        return event satisfies never;
    }
  }

  async #reload(): Promise<void> {
    const rows = await this.#stored((storage) => storage.all(this.#viewerId));
    if (this.#stopped) return;
    this.#rows = inOrder(rows);
    this.#sender.wake();
    this.#update();
  }

  /** Where the browser's storage fails, the page goes on without it: what is queued lasts as long as the page. */
  async #stored<T>(work: (storage: OperationStorage) => Promise<T>): Promise<T> {
    const storage = this.#storage;
    try {
      return await (storage.durable ? this.#inTime(work(storage)) : work(storage));
    } catch (error) {
      if (!storage.durable) throw error;
      if (storage === this.#storage) this.#storage = new PassingStorage([...this.#rows.values()]);
      return work(this.#storage);
    }
  }

  /** Some browsers open IndexedDB and never say so. Should it answer later: every operation may be repeated. */
  #inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = this.#environment.clock.after(STORAGE_TIMEOUT_MS, () => reject(new Error("IndexedDB doesn't answer")));
      work.then(resolve, reject).finally(stop);
    });
  }

  #find(id: string): KeptRow | undefined {
    return [...this.#rows.values()].find((row) => row.id === id);
  }

  #update(): void {
    this.#view = this.#compose();
    if (this.#leadership.leads) this.#tellIfNew();
    this.#changes.emit(this.#view);
  }

  #tellIfNew(): void {
    const news: News = { kind: "sender", state: this.#sender.state, sending: [...this.#sender.sending] };
    const said = JSON.stringify(news);
    if (said !== this.#said) this.#tell(news);
    this.#said = said;
  }

  #compose(): OutboxView {
    const leads = this.#leadership.leads;
    const sending: ReadonlySet<number> = leads ? this.#sender.sending : new Set(this.#leader.sending);
    const rows: readonly Row[] = [...this.#rows.values(), ...this.#unkept];
    const shown = new Map<string, { readonly row: Row; readonly pending: PendingOperation }>();
    for (const row of rows) {
      const isSending = "position" in row && typeof row.position === "number" && sending.has(row.position);
      const before = this.#shown.get(row.id);
      const isSame = before?.row === row && (before.pending.state.kind === "sending") === isSending;
      shown.set(row.id, isSame ? before : { row, pending: pendingOf(row, isSending) });
    }
    this.#shown = shown;
    return {
      state: this.#stopped ? { kind: "stopped" } : leads ? this.#sender.state : this.#leader.state,
      operations: [...shown.values()].map(({ pending }) => pending),
      unsentCount: rows.filter(isUnsent).length,
      durable: this.#storage.durable,
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

function inOrder(rows: readonly KeptRow[]): ReadonlyMap<number, KeptRow> {
  const byPosition = new Map(rows.map((row) => [row.position, row]));
  return new Map([...byPosition].sort(([one], [other]) => one - other));
}

/** What another tab posts is of our own making; of a newer version's words, those unknown are passed over. */
function isNews(message: unknown): message is News {
  return isRecord(message) && ["kept", "gone", "taken", "sender"].includes(String(message["kind"]));
}
