import assert from "node:assert/strict";
import type { FakeClock } from "./clock.ts";

const DEADLINE_MS = 5_000;

/** Let everything happen that needs no time: promises, storage, sockets in this process. */
export async function settled(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Wait for a condition; `clock`, where given, moves on meanwhile, `step` milliseconds at a time. */
export async function until(what: string, holds: () => boolean, clock?: FakeClock, step = 100): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await settled(3);
    if (!holds()) clock?.advance(step);
  }
}

/** Let time pass in steps, with all that happens in between. */
export async function pass(clock: FakeClock, milliseconds: number, step = 500): Promise<void> {
  for (let left = milliseconds; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    await settled(4);
  }
}
