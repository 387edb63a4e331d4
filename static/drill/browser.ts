import { IDBFactory } from "fake-indexeddb";
import { Changes, type Stop } from "../src/changes.ts";
import type { Clock, Environment, PageEvent, TabChannel, TabLock } from "../src/environment.ts";
import type { Observation } from "../src/observation.ts";

/** What a browser runs on: real time and chance in a drill, a test's own in a test. */
export interface Machine {
  readonly clock: Clock;
  /** Between 0 (inclusive) and 1 (exclusive). */
  random(): number;
  newId(): string;
  readonly csrfToken: string | null;
}

/** Where requests and sockets of a tab go. */
export interface Network {
  fetch(url: string, init: RequestInit): Promise<Response>;
  readonly WebSocket: unknown;
  /** Gets what the client tells of itself. */
  readonly observe?: (what: Observation) => void;
}

interface Waiting {
  readonly name: string;
  readonly tab: Tab;
  readonly take: () => void;
}

/** One browser without a window: what its tabs share. */
export class Browser {
  readonly indexedDB = new IDBFactory();
  readonly machine: Machine;
  readonly channels = new Map<string, Set<(message: unknown) => void>>();
  readonly holders = new Map<string, { readonly tab: Tab; readonly lose: (error: Error) => void }>();
  readonly queue: Waiting[] = [];
  /** An insecure context has none. */
  hasLocks = true;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** `connect`: what the tab reaches; that may ask the tab whether it lives. */
  openTab(connect: (tab: Tab) => Network): Tab {
    return new Tab(this, connect);
  }

  /** Give the lock to the first in line. */
  grant(name: string): void {
    if (this.holders.has(name)) return;
    const next = this.queue.findIndex((waiting) => waiting.name === name);
    if (next !== -1) this.queue.splice(next, 1)[0]?.take();
  }
}

/** A tab's environment. It can crash (nothing of it happens any more) and freeze (nothing until it thaws). */
export class Tab {
  readonly environment: Environment;
  readonly #browser: Browser;
  readonly #page = new Changes<PageEvent>();
  #life: "running" | "frozen" | "gone" = "running";
  #later: (() => void)[] = [];
  readonly #deafen = new Set<Stop>();
  online = true;
  visible = true;
  /** Whether the browser's storage fails this tab, whatever the others find. */
  storageFails = false;

  constructor(browser: Browser, connect: (tab: Tab) => Network) {
    this.#browser = browser;
    const tab = this;
    const { machine } = browser;
    const network = connect(this);
    this.environment = {
      clock: {
        now: () => machine.clock.now(),
        after: (delay, then) => {
          let stopped = false;
          const stop = machine.clock.after(delay, () => this.do(() => stopped || then()));
          return () => {
            stopped = true;
            stop();
          };
        },
      },
      page: {
        get online() {
          return tab.online;
        },
        get visible() {
          return tab.visible;
        },
        subscribe: (listener) => this.#page.subscribe(listener),
      },
      fetch: (url, init) => this.#alive(() => network.fetch(url, init)),
      WebSocket: network.WebSocket,
      indexedDB: this.#storage(),
      locks: browser.hasLocks ? this.#locks() : null,
      openChannel: (name) => this.#channel(name),
      random: () => machine.random(),
      randomUUID: () => machine.newId(),
      csrfToken: () => machine.csrfToken,
      observe: (what) => this.do(() => network.observe?.(what)),
    };
  }

  /** What happens to the page as a whole. */
  tell(event: PageEvent): void {
    this.online = event === "online" || (event !== "offline" && this.online);
    this.visible = event === "visible" || (event !== "hidden" && this.visible);
    this.do(() => this.#page.emit(event));
  }

  /** Nothing of it happens any more, and what it held is free. */
  crash(): void {
    this.#life = "gone";
    this.#later = [];
    for (const stop of this.#deafen) stop();
    const { holders, queue } = this.#browser;
    queue.splice(0, queue.length, ...queue.filter(({ tab }) => tab !== this));
    for (const [name, { tab }] of [...holders]) {
      if (tab !== this) continue;
      holders.delete(name);
      this.#browser.grant(name);
    }
  }

  /** As browsers do with tabs in the background: nothing happens, what it holds it keeps. */
  freeze(): void {
    this.#life = "frozen";
  }

  thaw(): void {
    this.#life = "running";
    for (const then of this.#later.splice(0)) then();
  }

  /** Now, once the tab thaws, or never. */
  do(then: () => void): void {
    if (this.#life === "running") then();
    else if (this.#life === "frozen") this.#later.push(then);
  }

  #alive<T>(begin: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.do(() => {
        begin().then(
          (value) => this.do(() => resolve(value)),
          (error: unknown) => this.do(() => reject(error)),
        );
      });
    });
  }

  #storage(): IDBFactory {
    const { indexedDB } = this.#browser;
    const look = (): void => {
      if (this.storageFails) throw new Error("the storage fails");
    };
    const open = (name: string, version: number): IDBOpenDBRequest => {
      look();
      const request = indexedDB.open(name, version);
      request.addEventListener("success", () => {
        const database = request.result;
        const transaction = database.transaction.bind(database);
        database.transaction = (...given) => {
          look();
          return transaction(...given);
        };
      });
      return request;
    };
    return Object.create(indexedDB, { open: { value: open } }) as IDBFactory;
  }

  /** Web Locks as far as the client uses them. */
  #locks(): TabLock {
    const browser = this.#browser;
    return {
      hold: (name, { signal, steal }, work) =>
        new Promise((resolve, reject) => {
          const lose = (error: Error): void => this.do(() => reject(error));
          const take = (): void => {
            const holder = { tab: this, lose };
            browser.holders.set(name, holder);
            const end = (): void => {
              if (browser.holders.get(name) === holder) browser.holders.delete(name);
              browser.grant(name);
            };
            queueMicrotask(() => {
              void work().finally(() => {
                end();
                resolve();
              });
            });
          };
          if (steal === true) {
            browser.holders.get(name)?.lose(new Error("stolen"));
            return take();
          }
          const waiting = { name, tab: this, take };
          browser.queue.push(waiting);
          signal?.addEventListener("abort", () => {
            const place = browser.queue.indexOf(waiting);
            if (place === -1) return;
            browser.queue.splice(place, 1);
            lose(new Error("aborted"));
          });
          browser.grant(name);
        }),
    };
  }

  #channel(name: string): TabChannel {
    const listeners = this.#browser.channels.get(name) ?? new Set();
    this.#browser.channels.set(name, listeners);
    const own = new Set<(message: unknown) => void>();
    let closed = false;
    const deafen = (): void => {
      for (const hear of own) listeners.delete(hear);
    };
    this.#deafen.add(deafen);
    return {
      post: (message) => {
        if (closed) return;
        const copy: unknown = structuredClone(message);
        this.do(() => {
          for (const listener of [...listeners]) if (!own.has(listener)) queueMicrotask(() => listener(copy));
        });
      },
      subscribe: (listener) => {
        const hear = (message: unknown): void => this.do(() => closed || listener(message));
        own.add(hear);
        listeners.add(hear);
        return () => void listeners.delete(hear);
      },
      close: () => {
        closed = true;
        deafen();
        this.#deafen.delete(deafen);
      },
    };
  }
}
