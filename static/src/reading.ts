/** Marks the room read, when its newest message is in sight of a person who looks. */
import type { Stop } from "./changes.ts";
import type { Outbox } from "./outbox.ts";
import type { Timeline } from "./timeline.ts";

/** At most one mark in this time: a room in full flow moves it once a second. */
const PAUSE_MS = 1000;

export class Reading {
  readonly #timeline: Timeline;
  readonly #outbox: Outbox;
  readonly #roomId: string;
  readonly #stops: Stop[] = [];
  #markedSeq: number;
  #timer: number | undefined;

  /** `readSeq`: how far the room was read when the page opened. */
  constructor(timeline: Timeline, outbox: Outbox, roomId: string, readSeq: number) {
    this.#timeline = timeline;
    this.#outbox = outbox;
    this.#roomId = roomId;
    this.#markedSeq = readSeq;
    const stopped = new AbortController();
    window.addEventListener("focus", () => this.#look(), { signal: stopped.signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal: stopped.signal });
    this.#stops.push(
      () => stopped.abort(),
      timeline.drawn.subscribe(() => this.#look()),
      timeline.place.moved.subscribe(() => this.#look()),
    );
    this.#look();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    window.clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#timer !== undefined || !this.#readsNews()) return;
    this.#markedSeq = this.#timeline.lastSeq;
    this.#outbox.markRead(this.#roomId, this.#markedSeq);
    this.#timer = window.setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, PAUSE_MS);
  }

  #readsNews(): boolean {
    return (
      this.#timeline.lastSeq > this.#markedSeq &&
      this.#timeline.atPresent &&
      document.visibilityState === "visible" &&
      document.hasFocus()
    );
  }
}
