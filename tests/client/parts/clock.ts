import type { Stop } from "../../../static/src/changes.ts";
import type { Clock } from "../../../static/src/environment.ts";

interface Timer {
  at: number;
  readonly then: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(delay: number, then: () => void): Stop {
    const timer = { at: this.#now + Math.max(0, delay), then };
    this.#timers.add(timer);
    // What is due now needs no time, only a turn.
    if (delay <= 0) setImmediate(() => this.#timers.delete(timer) && then());
    return () => void this.#timers.delete(timer);
  }

  /** Somebody sets the clock: what waits is as far away as before. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
    const timers = [...this.#timers];
    for (const timer of timers) timer.at += milliseconds;
  }

  /** What waits, for tests that want nothing to be left. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Move on by `milliseconds`; what is due happens in its order and at its time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.then();
    }
    this.#now = end;
  }
}
