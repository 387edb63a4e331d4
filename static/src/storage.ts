import type { Failure } from "./endpoint.ts";
import type { Operation } from "./outbox.ts";

/** What is kept of an operation until the server has it. */
export interface Row {
  readonly id: string;
  /** Only they may send it. */
  readonly viewerId: string;
  readonly roomId: string;
  readonly createdAt: string;
  readonly operation: Operation;
  /** Whether it may have reached the server. Set before the first try, so that a crash leaves no doubt. */
  readonly attempted: boolean;
  readonly state: { readonly kind: "waiting" } | { readonly kind: "held" } | { readonly kind: "failed"; readonly failure: Failure };
}

/** `position` rises in the order in which rows were added, over all tabs. */
export interface KeptRow extends Row {
  readonly position: number;
}

/** Where operations are kept; each method is one transaction. */
export interface OperationStorage {
  /** Whether it outlives the page, and all tabs of the browser see the same. */
  readonly durable: boolean;
  all(viewerId: string): Promise<KeptRow[]>;
  add(row: Row): Promise<KeptRow>;
  /** Change the row in place; null where it is gone, or where `change` says so (it is then left as it is). */
  update(position: number, change: (row: KeptRow) => KeptRow | null): Promise<KeptRow | null>;
  remove(positions: readonly number[]): Promise<void>;
  /** Remove all rows of the viewer that `which` names, seeing all of them at once. */
  removeWhere(viewerId: string, which: (rows: readonly KeptRow[]) => readonly KeptRow[]): Promise<KeptRow[]>;
  close(): void;
}

const DATABASE = "todoku";
const STORE = "operations";
const BY_VIEWER = "viewerId";

/** In IndexedDB, written through to the disk before `add` resolves. */
export class DurableStorage implements OperationStorage {
  readonly durable = true;
  readonly #factory: IDBFactory;
  #database: Promise<IDBDatabase> | null = null;

  constructor(factory: IDBFactory) {
    this.#factory = factory;
  }

  all(viewerId: string): Promise<KeptRow[]> {
    return this.#transact("readonly", (store) => rowsOf(store, viewerId));
  }

  add(row: Row): Promise<KeptRow> {
    return this.#transact("readwrite", async (store) => {
      const position = await settled(store.add(row));
      return { ...row, position: Number(position) };
    });
  }

  update(position: number, change: (row: KeptRow) => KeptRow | null): Promise<KeptRow | null> {
    return this.#transact("readwrite", async (store) => {
      const row: KeptRow | undefined = await settled(store.get(position));
      const changed = row === undefined ? null : change(row);
      if (changed !== null) await settled(store.put(changed));
      return changed;
    });
  }

  remove(positions: readonly number[]): Promise<void> {
    return this.#transact("readwrite", async (store) => {
      for (const position of positions) await settled(store.delete(position));
    });
  }

  removeWhere(viewerId: string, which: (rows: readonly KeptRow[]) => readonly KeptRow[]): Promise<KeptRow[]> {
    return this.#transact("readwrite", async (store) => {
      const gone = [...which(await rowsOf(store, viewerId))];
      for (const { position } of gone) await settled(store.delete(position));
      return gone;
    });
  }

  close(): void {
    const database = this.#database;
    this.#database = null;
    database?.then((open) => open.close(), () => undefined);
  }

  /** Resolves once the transaction is complete. A connection that the browser has closed is opened again, once. */
  async #transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
    let transaction: IDBTransaction;
    try {
      transaction = (await this.#open()).transaction(STORE, mode, { durability: "strict" });
    } catch {
      this.#database = null;
      transaction = (await this.#open()).transaction(STORE, mode, { durability: "strict" });
    }
    const completed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
    completed.catch(() => undefined);
    const result = await work(transaction.objectStore(STORE));
    await completed;
    return result;
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = this.#factory.open(DATABASE, 1);
      request.onupgradeneeded = () => {
        const store = request.result.createObjectStore(STORE, { keyPath: "position", autoIncrement: true });
        store.createIndex(BY_VIEWER, "viewerId");
      };
      request.onerror = () => reject(request.error ?? new Error("IndexedDB can't be opened"));
      request.onsuccess = () => {
        const database = request.result;
        const forget = (): void => void (this.#database = null);
        database.onclose = forget;
        // A later version of the page wants to change the database: make way.
        database.onversionchange = () => {
          database.close();
          forget();
        };
        resolve(database);
      };
    });
    return this.#database;
  }
}

/** No row of a browser's storage comes so far. */
const OWN_POSITIONS = 2 ** 52;

/** For a tab that can't keep anything, and alone with what it has: lasts as long as the page. */
export class PassingStorage implements OperationStorage {
  readonly durable = false;
  readonly #rows = new Map<number, KeptRow>();
  #position = OWN_POSITIONS;

  /** Those that the browser's storage had keep their positions. */
  constructor(rows: readonly (Row | KeptRow)[] = []) {
    for (const row of rows) this.#put("position" in row ? row : { ...row, position: ++this.#position });
  }

  get rows(): Iterable<KeptRow> {
    return this.#rows.values();
  }

  async all(viewerId: string): Promise<KeptRow[]> {
    return [...this.#rows.values()].filter((row) => row.viewerId === viewerId);
  }

  async add(row: Row): Promise<KeptRow> {
    return this.#put({ ...row, position: ++this.#position });
  }

  async update(position: number, change: (row: KeptRow) => KeptRow | null): Promise<KeptRow | null> {
    const row = this.#rows.get(position);
    const changed = row === undefined ? null : change(row);
    if (changed !== null) this.#rows.set(position, changed);
    return changed;
  }

  async remove(positions: readonly number[]): Promise<void> {
    for (const position of positions) this.#rows.delete(position);
  }

  async removeWhere(viewerId: string, which: (rows: readonly KeptRow[]) => readonly KeptRow[]): Promise<KeptRow[]> {
    const gone = [...which(await this.all(viewerId))];
    await this.remove(gone.map(({ position }) => position));
    return gone;
  }

  close(): void {
    this.#rows.clear();
  }

  #put(row: KeptRow): KeptRow {
    this.#rows.set(row.position, row);
    return row;
  }
}

async function rowsOf(store: IDBObjectStore, viewerId: string): Promise<KeptRow[]> {
  const rows: KeptRow[] = await settled(store.index(BY_VIEWER).getAll(viewerId));
  return rows;
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
