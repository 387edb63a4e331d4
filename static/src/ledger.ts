import { Changes, type Stop } from "./changes.ts";
import { isRecord } from "./endpoint.ts";
import type { Environment, TabChannel } from "./environment.ts";
import { DurableStorage, PassingStorage, type KeptRow, type OperationStorage, type Row } from "./storage.ts";

/** Between tabs of the same person. */
type News =
  | { readonly kind: "kept"; readonly row: KeptRow }
  | { readonly kind: "gone"; readonly positions: readonly number[] };

const STORAGE_TIMEOUT_MS = 10_000;

/**
 * The rows that one person has in this browser: in memory, in its storage, and the same in all tabs.
 *
 * A tab whose storage fails is alone from then on: what it queues no other tab knows of. Of what it shared it keeps a
 * copy, so that what it queues next comes after that, whoever sends it first.
 */
export class Ledger {
  readonly #environment: Environment;
  readonly #viewerId: string;
  readonly #channel: TabChannel;
  readonly #changes = new Changes<null>();
  readonly #stopListening: Stop;
  #storage: OperationStorage;
  #rows: ReadonlyMap<number, KeptRow> = new Map();
  /** On their way into the storage. */
  #unkept: readonly Row[] = [];
  /** Counts what was heard, so that a slow reading of the storage doesn't undo it. */
  #revision = 0;

  constructor(environment: Environment, viewerId: string, channel: TabChannel) {
    this.#environment = environment;
    this.#viewerId = viewerId;
    this.#channel = channel;
    const { indexedDB } = environment;
    this.#storage = indexedDB === null ? new PassingStorage() : new DurableStorage(indexedDB);
    this.#stopListening = channel.subscribe((message) => {
      if (isNews(message)) this.#onNews(message);
    });
  }

  /** In the order in which they were done. */
  get kept(): Iterable<KeptRow> {
    return this.#rows.values();
  }

  get all(): readonly Row[] {
    return [...this.#rows.values(), ...this.#unkept];
  }

  /** Whether it survives closing the browser, and other tabs know of it. */
  get durable(): boolean {
    return this.#storage.durable;
  }

  subscribe(listener: () => void): Stop {
    return this.#changes.subscribe(listener);
  }

  stop(): void {
    this.#stopListening();
    this.#storage.close();
  }

  find(id: string): KeptRow | undefined {
    return [...this.#rows.values()].find((row) => row.id === id);
  }

  /** Shown from now on; resolves when it is kept. */
  async add(row: Row): Promise<void> {
    this.#unkept = [...this.#unkept, row];
    this.#changes.emit(null);
    // Where the storage is left meanwhile, the row has come along.
    const kept = await this.#stored(async (storage) => (this.#unkept.includes(row) ? storage.add(row) : null));
    if (kept === null) return;
    this.#unkept = this.#unkept.filter((other) => other !== row);
    this.#tell({ kind: "kept", row: kept });
  }

  /** Change the row as it is now; null where it is gone or `change` says so. */
  async update({ position }: KeptRow, change: (row: KeptRow) => KeptRow | null): Promise<KeptRow | null> {
    const row = await this.#stored((storage) => storage.update(position, change));
    if (row !== null) this.#tell({ kind: "kept", row });
    return row;
  }

  async remove(rows: readonly KeptRow[]): Promise<void> {
    if (rows.length === 0) return;
    const positions = rows.map(({ position }) => position);
    await this.#stored((storage) => storage.remove(positions));
    this.#tell({ kind: "gone", positions });
  }

  /** Remove those that `which` names, seeing all as they are now; whether there were any. */
  async removeWhere(which: (rows: readonly KeptRow[]) => readonly KeptRow[]): Promise<boolean> {
    const gone = await this.#stored((storage) => storage.removeWhere(this.#viewerId, which));
    this.#tell({ kind: "gone", positions: gone.map(({ position }) => position) });
    return gone.length > 0;
  }

  /** All of them as the storage has them now, whatever this tab has heard. */
  async read(): Promise<readonly Row[]> {
    for (;;) {
      const revision = this.#revision;
      const rows = await this.#stored((storage) => storage.all(this.#viewerId));
      if (revision !== this.#revision) continue;
      this.#rows = inOrder(rows);
      this.#changes.emit(null);
      return this.all;
    }
  }

  #tell(news: News): void {
    this.#hear(news);
    if (this.durable) this.#channel.post(news);
  }

  #onNews(news: News): void {
    if (this.durable) return this.#hear(news);
    // Sent or taken back elsewhere: the copy goes with it.
    if (news.kind === "gone") void this.remove([...this.kept].filter(({ position }) => news.positions.includes(position)));
  }

  #hear(news: News): void {
    this.#revision++;
    const others = [...this.#rows.values()];
    switch (news.kind) {
      case "kept":
        this.#rows = inOrder([...others, news.row]);
        break;
      case "gone":
        this.#rows = inOrder(others.filter(({ position }) => !news.positions.includes(position)));
        break;
      default:
        return news satisfies never;
    }
    this.#changes.emit(null);
  }

  /** Where the browser's storage fails, the page goes on without it: what is queued lasts as long as the page. */
  async #stored<T>(work: (storage: OperationStorage) => Promise<T>): Promise<T> {
    const storage = this.#storage;
    try {
      const done = await (storage.durable ? this.#inTime(work(storage)) : work(storage));
      if (storage === this.#storage) return done;
    } catch (error) {
      if (!storage.durable) throw error;
      if (storage === this.#storage) this.#leaveStorage();
    }
    return work(this.#storage);
  }

  /**
   * From here on this tab is alone, with all that it has, in its order. Other tabs may send that as well: also what was
   * on its way into the storage, for what failed may have happened all the same.
   */
  #leaveStorage(): void {
    const storage = new PassingStorage(this.all.map((row) => ({ ...row, attempted: true })));
    this.#storage = storage;
    this.#unkept = [];
    this.#rows = inOrder(storage.rows);
    this.#changes.emit(null);
  }

  /** Some browsers open IndexedDB and never say so. Should it answer later: every operation may be repeated. */
  #inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = this.#environment.clock.after(STORAGE_TIMEOUT_MS, () => reject(new Error("IndexedDB doesn't answer")));
      work.then(resolve, reject).finally(stop);
    });
  }
}

function inOrder(rows: Iterable<KeptRow>): ReadonlyMap<number, KeptRow> {
  const byPosition = new Map([...rows].map((row) => [row.position, row]));
  return new Map([...byPosition].sort(([one], [other]) => one - other));
}

/** What another tab posts is of our own making; what isn't for the ledger is passed over. */
function isNews(message: unknown): message is News {
  return isRecord(message) && (message["kind"] === "kept" || message["kind"] === "gone");
}
