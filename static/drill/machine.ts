import { randomUUID } from "node:crypto";
import type { Clock } from "../src/environment.ts";
import type { Machine } from "./browser.ts";

/** Seconds of CLOCK_MONOTONIC, which all processes of a drill share. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** One browser's machine in real time. Its wall clock can be set, and what is to be called how is told beforehand. */
export class RealMachine implements Machine {
  readonly csrfToken = null;
  readonly clock: Clock = {
    now: () => Date.now() + this.#shift,
    after: (delay, then) => {
      const timer = setTimeout(then, delay);
      return () => clearTimeout(timer);
    },
  };
  /** Back-off is full jitter: with chance from the lowest part alone, delays are that part of a product's. */
  readonly #jitter: number;
  #shift = 0;
  #nextId: string | null = null;

  constructor(jitter: number) {
    this.#jitter = jitter;
  }

  random(): number {
    return Math.random() * this.#jitter;
  }

  newId(): string {
    const id = this.#nextId ?? randomUUID();
    this.#nextId = null;
    return id;
  }

  /** Whatever `act` makes first gets this id. */
  naming<T>(id: string, act: () => T): T {
    this.#nextId = id;
    try {
      return act();
    } finally {
      this.#nextId = null;
    }
  }

  /** Set the wall clock forward (or back), as a sleep of the machine does. */
  shift(milliseconds: number): void {
    this.#shift += milliseconds;
  }
}
