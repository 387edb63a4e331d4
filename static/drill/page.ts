import { delayBefore, type Backoff } from "../src/backoff.ts";
import { createTodoku, type Todoku } from "../src/client.ts";
import { Endpoint, type Answer } from "../src/endpoint.ts";
import type { Taken } from "../src/delivery.ts";
import type { RoomChange } from "../src/feed.ts";
import { HistoryDocument, RoomPageDocument, type RoomPageQuery } from "../src/generated/operations.ts";
import type { Observation } from "../src/observation.ts";
import type { Outbox, Queued } from "../src/outbox.ts";
import type { Browser, Tab } from "./browser.ts";
import type { RealMachine } from "./machine.ts";
import { TabNetwork } from "./network.ts";
import type { Recorder } from "./recorder.ts";
import { roomsInWords, type RoomInWords } from "./words.ts";

/** Which page, whose, and how it gets to the servers. */
export interface PageAddress {
  readonly name: string;
  readonly outbox: string;
  readonly person: string;
  readonly token: string;
  readonly room: string;
  /** Of the server, without the path. */
  readonly url: string;
  readonly path: string;
}

/** What somebody does on the page; `id` is the message's own for a send, else the opId. */
export interface Deed {
  readonly verb: "send" | "edit" | "delete" | "addReaction" | "removeReaction" | "markRead" | "markUnread";
  readonly id: string;
  readonly room: string;
  readonly object: string;
  readonly body: string;
  readonly replyTo: string | null;
  readonly emoji: string;
  readonly seq: number;
}

export interface PageStatus {
  /** The seq of the last event that was applied; null where the page doesn't follow its room, or fetches it anew. */
  readonly position: number | null;
  readonly unsent: number;
  readonly stopped: boolean;
  /** Ids of the newest messages, the newest last. */
  readonly messages: readonly string[];
}

/** The messages of a rendered page. */
const NEWEST = 50;
const LOADING: Backoff = { base: 300, cap: 2_000 };
const UNAUTHORIZED = 4401;
const FORBIDDEN = 4403;

/** The room's page in one tab: the product's own client, and a record of what it does. */
export class Page {
  readonly address: PageAddress;
  readonly tab: Tab;
  readonly network: TabNetwork;
  readonly #machine: RealMachine;
  readonly #recorder: Recorder;
  readonly #changed: () => void;
  #todoku: Todoku | null = null;
  #position: number | null = null;
  #stopped = false;
  #closed = false;
  #giveUp: () => void = () => undefined;

  /** `changed` is called whenever the status may be another one. */
  constructor(browser: Browser, machine: RealMachine, address: PageAddress, recorder: Recorder, changed: () => void) {
    this.address = address;
    this.#machine = machine;
    this.#recorder = recorder;
    this.#changed = changed;
    let network: TabNetwork | undefined;
    this.tab = browser.openTab((tab) => (network = new TabNetwork(tab, (what) => this.#onObserved(what))));
    if (network === undefined) throw new Error("the tab has no network");
    this.network = network;
  }

  get status(): PageStatus {
    const operations = this.#todoku?.outbox.view.operations ?? [];
    const entries = this.#todoku?.room?.messages.view.entries ?? [];
    const isOver = this.#stopped || this.#closed;
    return {
      position: this.#position,
      unsent: isOver ? 0 : operations.filter(({ state }) => state.kind === "waiting" || state.kind === "sending").length,
      stopped: this.#stopped,
      messages: entries
        .filter(({ message }) => message.seq !== null && message.deletedAt === null)
        .slice(-NEWEST)
        .map(({ message }) => message.id),
    };
  }

  /** Load the page, however long no server answers, and start its client. */
  async start(): Promise<void> {
    const { name: client, outbox, person, path } = this.address;
    this.#recorder.add("opened", { client, outbox, person, flavour: "page", path });
    await this.#open();
  }

  /** Somebody does something. It is on record once it is in the browser's storage, so in the order of the outbox. */
  do(deed: Deed): void {
    if (this.#todoku === null && this.#stopped) return; // It asks to log in.
    if (this.#todoku === null) throw new Error(`${this.address.name} has not loaded yet`);
    const { outbox } = this.#todoku;
    const { id, kept } = this.#machine.naming(deed.id, () => queued(outbox, deed));
    const { verb, room, object, body } = deed;
    const { name: client, outbox: shared } = this.address;
    void kept.then(() => this.#recorder.add("called", { outbox: shared, client, room, verb, id, object, body }));
  }

  /** What the page shows, also put on record. */
  state(): Record<string, RoomInWords> {
    const rooms = this.#todoku === null ? {} : roomsInWords(this.#todoku);
    this.#recorder.add("state", { client: this.address.name, rooms });
    return rooms;
  }

  /** `orderly`: as a tab that is closed or reloaded, which gets the chance to stop; else as one that crashes. */
  close(orderly: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    if (orderly) this.#todoku?.stop();
    this.tab.crash();
    this.network.drop();
    this.#giveUp();
    this.#recorder.add("closed", { client: this.address.name });
    this.#changed();
  }

  async #open(): Promise<void> {
    const gone = new Promise<null>((resolve) => (this.#giveUp = () => resolve(null)));
    const data = await Promise.race([this.#load(), gone]);
    if (data === null || this.#closed) return;
    const { url, token, room } = this.address;
    const endpoint = `${url}/graphql`;
    const options = { endpoint, socketUrl: endpoint.replace(/^http/, "ws"), authorization: `Bearer ${token}` };
    const todoku = createTodoku(this.tab.environment, options, data);
    this.#todoku = todoku;
    if (data.room === null) this.#onObserved({ kind: "ended", roomId: room });
    else this.#follows(data.room.lastSeq, data.room.cursor);
    todoku.connection.subscribe((state) => {
      if (state.kind === "connected") this.#record("connected", null);
      if (state.kind === "stopped" && state.reason !== "closed") {
        this.#record("stopped", state.reason === "forbidden" ? FORBIDDEN : UNAUTHORIZED);
      }
    });
    todoku.outbox.subscribe(this.#changed);
    todoku.room?.messages.subscribe(this.#changed);
    // Whoever is let in opens the room's page.
    todoku.inbox.onNews((news) => {
      if (todoku.room !== null || news.kind !== "membership" || news.roomId !== room || !news.readable) return;
      todoku.stop();
      void this.#open();
    });
    this.#changed();
  }

  /** What the rendered page brings along; null where nobody is signed in. */
  async #load(): Promise<RoomPageQuery | null> {
    const { person, token, room, url } = this.address;
    const { environment } = this.tab;
    const endpoint = new Endpoint(environment, `${url}/graphql`, { viewerId: person, authorization: `Bearer ${token}` });
    for (let attempt = 0; ; attempt++) {
      const found = await endpoint.execute(HistoryDocument, { roomId: room, last: 1 });
      const slug = found.kind === "data" ? (found.data.room?.slug ?? "") : "";
      const page = found.kind === "data" ? await endpoint.execute(RoomPageDocument, { slug, last: NEWEST }) : found;
      switch (page.kind) {
        case "data":
          // Let in between the two requests: the inbox won't tell it any more.
          if (slug === "" && page.data.rooms.nodes.some(({ id }) => id === room)) break;
          return page.data;
        case "signed-out":
          this.#record("stopped", UNAUTHORIZED);
          return null;
        case "refused":
          throw new Error(`${this.address.name} can't load its page: ${page.failure.code} ${page.failure.message}`);
        case "csrf":
        case "later": {
          const least = page.kind === "later" ? (page.retryAfter ?? 0) : 0;
          const delay = least + delayBefore(attempt, LOADING, Math.random);
          await new Promise<void>((resolve) => environment.clock.after(delay, resolve));
          break;
        }
        default:
          return page satisfies never;
      }
    }
  }

  #onObserved(what: Observation): void {
    const { name: client, outbox } = this.address;
    switch (what.kind) {
      case "applied": {
        const { roomId: room, cursor, change } = what;
        this.#position = change.seq;
        const event = change.__typename;
        this.#recorder.add("applied", { client, room, seq: change.seq, cursor, event, object: objectOf(change) });
        break;
      }
      case "passed":
        if (this.#position !== null) this.#position++;
        this.#recorder.add("passed", { client, room: what.roomId, cursor: what.cursor });
        break;
      case "ready":
        this.#position = what.seq;
        this.#recorder.add("ready", { client, room: what.roomId, seq: what.seq, cursor: what.cursor });
        break;
      case "reset": {
        const { roomId: room, seq, cursor, reason, after } = what;
        this.#position = null;
        this.#recorder.add("reset", { client, room, seq, cursor, reason, after });
        break;
      }
      case "renewed":
        this.#follows(what.seq, what.cursor);
        break;
      case "ended":
        this.#position = null;
        this.#recorder.add("ended", { client, room: what.roomId });
        break;
      case "lost":
        this.#record("lost", what.code);
        break;
      case "tried":
        this.#recorder.add("tried", { outbox, id: what.id });
        break;
      case "returned":
        this.#recorder.add("returned", { outbox, id: what.id, ...outcomeOf(what.answer) });
        break;
      default:
        return what satisfies never;
    }
    this.#changed();
  }

  #follows(seq: number, cursor: string): void {
    this.#position = seq;
    this.#recorder.add("follows", { client: this.address.name, room: this.address.room, seq, cursor });
  }

  #record(state: "connected" | "lost" | "stopped", code: number | null): void {
    this.#stopped = state === "stopped";
    this.#recorder.add("connection", { client: this.address.name, state, code });
    this.#changed();
  }
}

function queued(outbox: Outbox, { verb, room, object, body, replyTo, emoji, seq }: Deed): Queued {
  switch (verb) {
    case "send":
      return outbox.send(room, body, replyTo);
    case "edit":
      return outbox.edit(room, object, body);
    case "delete":
      return outbox.delete(room, object);
    case "addReaction":
      return outbox.addReaction(room, object, emoji);
    case "removeReaction":
      return outbox.removeReaction(room, object, emoji);
    case "markRead":
      return outbox.markRead(room, seq);
    case "markUnread":
      return outbox.markUnread(room, seq);
    default:
      return verb satisfies never;
  }
}

function objectOf(change: RoomChange): string {
  switch (change.__typename) {
    case "MessageSent":
    case "MessageEdited":
    case "MessageDeleted":
    case "ReactionsChanged":
      return change.message.id;
    case "MemberJoined":
    case "MemberLeft":
    case "MemberUpdated":
      return change.member.id;
    case "RoomUpdated":
      return change.room.id;
    default:
      return change satisfies never;
  }
}

interface Returned {
  readonly outcome: "stored" | "refused" | "unknown";
  readonly seq: number | null;
  readonly code: string | null;
  readonly retry_after: number | null;
}

function outcomeOf(answer: Answer<Taken>): Returned {
  const nothing = { seq: null, code: null, retry_after: null };
  switch (answer.kind) {
    case "data": {
      const seq = answer.data.kind === "message" ? answer.data.message.seq : null;
      return { ...nothing, outcome: "stored", seq };
    }
    case "refused":
      return { ...nothing, outcome: "refused", code: answer.failure.code };
    case "later":
      return { ...nothing, outcome: "unknown", code: answer.cause, retry_after: answer.retryAfter && answer.retryAfter / 1000 };
    case "signed-out":
    case "csrf":
      return { ...nothing, outcome: "unknown", code: answer.kind };
    default:
      return answer satisfies never;
  }
}
