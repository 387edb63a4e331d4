/** How the connection stands: a dot beside one's own name, and a line over the composer while something is to be said. */
import type { Stop } from "./changes.ts";
import type { Connection } from "./connection.ts";
import { putFigures } from "./dialogs.ts";
import type { RoomFeed } from "./feed.ts";
import { find, on, part, say, show } from "./markup.ts";
import { sinceWhen } from "./moments.ts";
import type { Outbox } from "./outbox.ts";
import { words } from "./words.ts";

/** A cut shorter than this is not worth a word. */
const QUIET_MS = 2000;
const UP_TO_DATE_MS = 2000;
const TICK_MS = 500;
const RECONNECTIONS_SHOWN = 5;

type Action = "try-now" | "log-in" | "load-again";

interface Line {
  readonly words: string;
  readonly tone: "plain" | "good" | "seal";
  readonly action: Action | null;
}

const ACTION_WORDS: Readonly<Record<Action, string>> = {
  "try-now": words.tryNow,
  "log-in": words.logIn,
  "load-again": words.loadAgain,
};

export class Status {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #feed: RoomFeed;
  readonly #line = find(document, "[data-status]", HTMLElement);
  readonly #dot = find(document, "[data-connection-dot]", HTMLElement);
  readonly #details = find(document, "[data-connection-details]", HTMLElement);
  readonly #stops: Stop[] = [];
  #action: Action | null = null;
  /** Since when something has been wrong; null while all is well. */
  #troubledSince: number | null = null;
  /** Whether the line spoke of trouble, so that its end is worth a word. */
  #spoke = false;
  #goodUntil = 0;
  #timer: number | undefined;

  constructor(connection: Connection, outbox: Outbox, feed: RoomFeed) {
    this.#connection = connection;
    this.#outbox = outbox;
    this.#feed = feed;
    const stopped = new AbortController();
    on(this.#details, "toggle", stopped.signal, () => this.#draw());
    on(part(this.#line, "action"), "click", stopped.signal, () => this.#act());
    this.#stops.push(
      () => stopped.abort(),
      connection.subscribe(() => this.#draw()),
      outbox.subscribe(() => this.#draw()),
      feed.subscribe(() => this.#draw()),
    );
    this.#dot.hidden = false;
    this.#draw();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    window.clearInterval(this.#timer);
  }

  #draw(): void {
    const now = Date.now();
    this.#drawDot();
    const line = this.#ended() ?? this.#trouble(now) ?? this.#relief(now);
    const detailed = this.#details.matches(":popover-open");
    this.#tick(line !== null || this.#troubledSince !== null || detailed);
    if (detailed) this.#drawDetails(now);
    if (!show(this.#line, line !== null) || line === null) return;
    this.#line.dataset["tone"] = line.tone;
    say(part(this.#line, "words"), line.words);
    this.#action = line.action;
    const button = part(this.#line, "action");
    if (show(button, line.action !== null) && line.action !== null) say(button, ACTION_WORDS[line.action]);
  }

  /** What does not come back by itself. */
  #ended(): Line | null {
    const { state, unsentCount } = this.#outbox.view;
    const kept = words.keptHere(unsentCount);
    const { state: connection } = this.#connection;
    if (connection.kind === "stopped" && connection.reason === "forbidden") {
      return { words: joined(words.forbidden, kept), tone: "seal", action: null };
    }
    const signedOut = state.kind === "paused" && state.reason === "signed-out";
    if (signedOut || (connection.kind === "stopped" && connection.reason === "signed-out")) {
      return { words: joined(words.signedOut, kept), tone: "seal", action: "log-in" };
    }
    if (state.kind === "paused") return { words: joined(words.tokenOld, kept), tone: "seal", action: "load-again" };
    return null;
  }

  #trouble(now: number): Line | null {
    const what = this.#whatIsWrong(now);
    if (what === null) {
      this.#troubledSince = null;
      return null;
    }
    this.#troubledSince ??= what.since ?? now;
    if (now - this.#troubledSince < QUIET_MS) return null;
    this.#spoke = true;
    const { unsentCount, durable } = this.#outbox.view;
    const waiting = joined(words.waitingHere(unsentCount), unsentCount > 0 && !durable ? words.notKept : "");
    return { words: joined(what.words, waiting), tone: "plain", action: what.mayTry ? "try-now" : null };
  }

  #whatIsWrong(now: number): { words: string; since: number | null; mayTry: boolean } | null {
    const seconds = (until: number): number => Math.max(1, Math.ceil((until - now) / 1000));
    const { state } = this.#connection;
    switch (state.kind) {
      case "connecting":
        return { words: words.reconnecting, since: state.cutAt, mayTry: false };
      case "reconnecting":
        return { words: words.reconnectingIn(seconds(state.retryAt)), since: state.cutAt, mayTry: true };
      case "offline":
        return { words: words.offlineIn(seconds(state.retryAt)), since: state.cutAt, mayTry: true };
      case "connected":
      case "stopped": {
        const outbox = this.#outbox.view;
        if (outbox.state.kind === "retrying" && outbox.unsentCount > 0) {
          return { words: words.notTaken(seconds(outbox.state.retryAt)), since: null, mayTry: true };
        }
        const { kind } = this.#feed.state;
        if (kind === "catching-up" || kind === "resetting") return { words: words.catchingUp, since: null, mayTry: false };
        return null;
      }
    }
  }

  #relief(now: number): Line | null {
    if (this.#troubledSince !== null) return null;
    if (this.#spoke) {
      this.#spoke = false;
      this.#goodUntil = now + UP_TO_DATE_MS;
    }
    return now < this.#goodUntil ? { words: words.upToDate, tone: "good", action: null } : null;
  }

  #drawDot(): void {
    const { state } = this.#connection;
    const form = { connected: "live", connecting: "connecting", reconnecting: "cut", offline: "cut", stopped: "ended" } as const;
    this.#dot.dataset["state"] = form[state.kind];
    const name = this.#stateInWords();
    this.#dot.title = name;
    say(part(this.#dot, "name"), name);
  }

  #stateInWords(): string {
    const { state } = this.#connection;
    switch (state.kind) {
      case "connected":
        return words.connected;
      case "connecting":
        return words.connecting;
      case "reconnecting":
        return words.reconnectingNow;
      case "offline":
        return words.offline;
      case "stopped":
        return state.reason === "forbidden" ? words.forbidden : words.signedOut;
    }
  }

  #drawDetails(now: number): void {
    const { figures } = words;
    const { state, roundTrip, lastHeardAt, reconnections } = this.#connection;
    const { unsentCount, durable } = this.#outbox.view;
    const ago = (moment: number | null): string =>
      moment === null ? figures.none : figures.secondsAgo(Math.max(0, Math.round((now - moment) / 1000)));
    const rows: (readonly [string, string])[] = [[figures.state, this.#stateInWords()]];
    if (state.kind === "connected") rows.push([figures.since, sinceWhen(new Date(state.since))]);
    rows.push(
      [figures.roundTrip, roundTrip === null ? figures.none : figures.milliseconds(Math.round(roundTrip))],
      [figures.lastHeard, ago(lastHeardAt)],
      [figures.lastEvent, ago(this.#feed.lastEventAt)],
      [figures.unsent, String(unsentCount)],
      [figures.kept, durable ? figures.yes : figures.no],
    );
    const latest = reconnections.slice(0, RECONNECTIONS_SHOWN).map(({ backAt, cutAt, cause }) => {
      const seconds = ((backAt - cutAt) / 1000).toFixed(1);
      return `${figures.reconnection(sinceWhen(new Date(backAt)), seconds)} · ${cause}`;
    });
    const term = (index: number): string => (index === 0 ? figures.reconnections : "");
    rows.push(...(latest.length === 0 ? [figures.none] : latest).map((text, index) => [term(index), text] as const));
    putFigures(part(this.#details, "figures"), rows);
  }

  #tick(needed: boolean): void {
    if (needed === (this.#timer !== undefined)) return;
    window.clearInterval(this.#timer);
    this.#timer = needed ? window.setInterval(() => this.#draw(), TICK_MS) : undefined;
  }

  #act(): void {
    switch (this.#action) {
      case "try-now":
        this.#connection.tryNow();
        this.#outbox.tryNow();
        break;
      case "log-in":
      case "load-again":
        // The server sends whoever is signed out to the log-in, and back to this room.
        location.reload();
        break;
      case null:
        break;
    }
  }
}

function joined(...sentences: readonly string[]): string {
  return sentences.filter((sentence) => sentence !== "").join(words.between);
}
