import type { Stop } from "../src/changes.ts";
import { monotonic } from "./machine.ts";

const LOOK_EVERY_S = 0.02;

/** Tells when this process's own loop was late by more than `limit` seconds. */
export function watchLag(limit: number, tell: (seconds: number) => void): Stop {
  let last = monotonic();
  const timer = setInterval(() => {
    const now = monotonic();
    const late = now - last - LOOK_EVERY_S;
    last = now;
    if (late > limit) tell(late);
  }, LOOK_EVERY_S * 1000);
  return () => clearInterval(timer);
}
