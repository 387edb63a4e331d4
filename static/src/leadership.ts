import type { Stop } from "./changes.ts";
import type { Environment, TabChannel } from "./environment.ts";

export interface LeadershipEvents {
  /** From now on this tab does the work. */
  won(): void;
  /** Another tab does it. */
  lost(): void;
  /** A tab (this one, too) has work; `urgent` where a person or the network's return wants it done now. */
  asked(urgent: boolean): void;
}

/** How long a tab that was asked may stay silent: browsers freeze tabs in the background, locks and all. */
const SILENCE_MS = 5_000;
const ASK = "ask";
const ASK_URGENTLY = "ask urgently";
const ALIVE = "alive";

/**
 * Which one of a browser's tabs does the work of all.
 *
 * It is only thrift: two tabs that both believe to lead do no harm, since every operation of the outbox may be
 * repeated. So one that doesn't answer is replaced without much ado, and where there are no locks every tab leads.
 */
export class Leadership {
  readonly #environment: Environment;
  readonly #name: string;
  readonly #events: LeadershipEvents;
  readonly #channel: TabChannel;
  #leads = false;
  #stopped = false;
  #release: Stop = () => undefined;
  #seeking = new AbortController();
  #stopWaiting: Stop | null = null;

  constructor(environment: Environment, name: string, events: LeadershipEvents) {
    this.#environment = environment;
    this.#name = name;
    this.#events = events;
    this.#channel = environment.openChannel(name);
    this.#channel.subscribe((message) => this.#onMessage(message));
  }

  get leads(): boolean {
    return this.#leads;
  }

  start(): void {
    if (this.#environment.locks === null) void this.#lead();
    else void this.#seek(false);
  }

  stop(): void {
    this.#stopped = true;
    this.#leads = false;
    this.#stopWaiting?.();
    this.#seeking.abort();
    this.#release();
    this.#channel.close();
  }

  /** There is work: whoever leads shall do it now; if nobody answers, this tab does. */
  ask(urgent: boolean): void {
    if (this.#stopped) return;
    if (this.#leads) return this.#events.asked(urgent);
    this.#channel.post(urgent ? ASK_URGENTLY : ASK);
    this.#stopWaiting ??= this.#environment.clock.after(SILENCE_MS, () => {
      this.#stopWaiting = null;
      if (!this.#leads && this.#environment.page.visible) void this.#seek(true);
    });
  }

  #onMessage(message: unknown): void {
    if ((message === ASK || message === ASK_URGENTLY) && this.#leads) {
      this.#channel.post(ALIVE);
      this.#events.asked(message === ASK_URGENTLY);
    } else if (message === ALIVE) {
      this.#stopWaiting?.();
      this.#stopWaiting = null;
    }
  }

  /** Resolves when the lock was held and is held no more. */
  async #seek(steal: boolean): Promise<void> {
    const { locks } = this.#environment;
    if (locks === null) return;
    this.#seeking.abort();
    const seeking = new AbortController();
    this.#seeking = seeking;
    const options = steal ? { steal } : { signal: seeking.signal };
    await locks.hold(this.#name, options, () => (seeking.signal.aborted ? Promise.resolve() : this.#lead())).catch(() => undefined);
    if (seeking !== this.#seeking) return;
    // Stolen: stand in line again.
    if (this.#leads) {
      this.#leads = false;
      this.#events.lost();
    }
    if (!this.#stopped) void this.#seek(false);
  }

  #lead(): Promise<void> {
    this.#leads = true;
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    const released = new Promise<void>((resolve) => (this.#release = resolve));
    this.#events.won();
    return released;
  }
}
