/** Reads out what others write, politely: the log itself is silent, for history that loads is no news. */
import { find } from "./markup.ts";
import { excerpt } from "./message.ts";
import type { Entry } from "./messages.ts";
import { shownName } from "./people.ts";
import { words } from "./words.ts";

export class Announcer {
  readonly #element = find(document, "[data-announcer]", HTMLElement);
  readonly #viewerId: string;
  #toldSeq: number;

  /** `toldSeq`: the newest message that the page began with. */
  constructor(viewerId: string, toldSeq: number) {
    this.#viewerId = viewerId;
    this.#toldSeq = toldSeq;
  }

  /** Tell what came since the last time, of the room's newest entries. */
  tell(entries: readonly Entry[]): void {
    const lines: string[] = [];
    let newest = this.#toldSeq;
    for (const { message } of entries) {
      if (message.seq === null || message.seq <= this.#toldSeq) continue;
      newest = Math.max(newest, message.seq);
      if (message.author === null || message.author.id === this.#viewerId || message.deletedAt !== null) continue;
      lines.push(words.said(shownName(message.author), excerpt(message.body)));
    }
    this.#toldSeq = newest;
    if (lines.length > 0) this.say(lines.join("\n"));
  }

  say(text: string): void {
    this.#element.textContent = text;
  }
}
