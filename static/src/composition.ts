/** Tells the Enter that confirms an input method's composition from the one that sends. */
import { on } from "./markup.ts";

/** A key this soon after a composition's end ended it. Nobody presses Enter twice as fast. */
const CONFIRMS_WITHIN_MS = 40;
/** What `keyCode` says of a key that an input method took. */
const TAKEN_BY_INPUT_METHOD = 229;

export class Composition {
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(field: HTMLElement, signal: AbortSignal) {
    on(field, "compositionend", signal, (event) => void (this.#endedAt = event.timeStamp));
  }

  /**
   * Whether `event` belongs to a composition. Chromium and Firefox say so (`isComposing`); Safari ends the composition
   * first and sends the Enter that ended it afterwards: https://bugs.webkit.org/show_bug.cgi?id=165004
   */
  owns(event: KeyboardEvent): boolean {
    return (
      event.isComposing ||
      event.keyCode === TAKEN_BY_INPUT_METHOD ||
      event.timeStamp - this.#endedAt < CONFIRMS_WITHIN_MS
    );
  }
}
