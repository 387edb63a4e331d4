import type { Cache } from "@apollo/client";
import type { TodokuCache } from "./cache.ts";
import { Changes, type Stop } from "./changes.ts";
import type { Endpoint } from "./endpoint.ts";
import { Entries, type Entry, type StoredMessage, type User } from "./entries.ts";
import {
  CachedMessagePartsFragmentDoc,
  CachedRoomDocument,
  HistoryDocument,
  MessagePlaceDocument,
  FirstMembersFragmentDoc,
  RoomHeadFragmentDoc,
  type CachedRoomQuery,
  type CachedRoomQueryVariables,
  type HistoryQuery,
  type HistoryQueryVariables,
} from "./generated/operations.ts";
import type { Foretold } from "./foretold.ts";
import type { Outbox } from "./outbox.ts";

export type { Delivery, Entry, ShownMessage, ShownReaction, StoredMessage, User } from "./entries.ts";

export type Loading = "older" | "newer" | "present" | "around";

export interface MessagesView {
  /** Stored ones in rising seq order, then (at the present) those on their way. */
  readonly entries: readonly Entry[];
  /** Whether the room has older messages than the first entry. */
  readonly hasOlder: boolean;
  /** Whether it has newer ones than those shown: then the view is not at the present. */
  readonly hasNewer: boolean;
  /** How many of those came or were dropped while the page is open. */
  readonly newerCount: number;
  readonly loading: Loading | null;
}

export interface MessagesParts {
  readonly cache: TodokuCache;
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  readonly foretold: Foretold;
  readonly viewer: User;
  /** Most messages in the window. */
  readonly windowSize: number;
  /** How many a page of history brings; at most half the window. */
  readonly pageSize: number;
}

/** Where a message stands in its room. */
export interface Place {
  readonly id: string;
  readonly seq: number;
}

type Page = NonNullable<HistoryQuery["room"]>;

/** How many messages may leave the window before the cache looks for what nothing shows any more. */
const COLLECT_AFTER = 50;

/**
 * The sliding window of one room's messages.
 *
 * The window is a gapless stretch of the room. It is the list `Room.messages` in the cache, so what it shows changes
 * whenever an entity does; what leaves it leaves the cache too.
 */
export class RoomMessages {
  readonly roomId: string;
  readonly #parts: MessagesParts;
  readonly #entries: Entries;
  readonly #changes = new Changes<MessagesView>();
  readonly #stops: readonly Stop[];
  #window: readonly Place[];
  #stored: readonly StoredMessage[] = [];
  #hasOlder: boolean;
  #hasNewer = false;
  /** Newer than the window, as far as heard of. */
  readonly #beyond = new Map<string, Place>();
  #atEnd = true;
  #loading: Loading | null = null;
  /** Counts what replaced the window: a page that was asked for before doesn't belong to it. */
  #generation = 0;
  #uncollected = 0;
  #view: MessagesView;

  /** The cache has the room's newest page already; `hasOlder` says whether that begins later than the room. */
  constructor(parts: MessagesParts, roomId: string, hasOlder: boolean) {
    this.roomId = roomId;
    this.#parts = parts;
    this.#hasOlder = hasOlder;
    this.#entries = new Entries(parts.viewer, (id) => this.#find(id));
    parts.cache.retain(this.#key);
    const query = { query: CachedRoomDocument, variables: { roomId }, optimistic: false, returnPartialData: true } as const;
    this.#window = [];
    this.#stored = this.#nodesOf(parts.cache.diff(query));
    this.#window = this.#stored.map(placeOf);
    this.#view = this.#compose();
    this.#stops = [
      parts.cache.watch<CachedRoomQuery, CachedRoomQueryVariables>({ ...query, callback: (diff) => this.#onStored(diff) }),
      parts.outbox.subscribe(() => this.#update()),
    ];
  }

  get view(): MessagesView {
    return this.#view;
  }

  subscribe(listener: (view: MessagesView) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  stop(): void {
    this.#generation++;
    for (const stop of this.#stops) stop();
    this.#parts.cache.release(this.#key);
  }

  /**
   * Whether the reader is at the end, where the view follows what arrives and drops what is old. Elsewhere nothing
   * that is read is dropped: what arrives past the window's limit is counted in `newerCount` instead.
   */
  follow(atEnd: boolean): void {
    this.#atEnd = atEnd;
  }

  /** How many messages after `seq` are known that the window does not reach. */
  beyond(seq: number): number {
    return this.#hasNewer ? [...this.#beyond.values()].filter((place) => place.seq > seq).length : 0;
  }

  /** A message was stored, and the cache has it. Harmless when it is known already. */
  arrived(place: Place): void {
    const [first, last] = [this.#window[0], this.#window.at(-1)];
    if (this.#window.some(({ id }) => id === place.id)) return;
    if (first !== undefined && place.seq < first.seq && this.#hasOlder) return;
    const isFull = this.#window.length >= this.#parts.windowSize;
    const follows = !this.#hasNewer && !this.#isMoving() && (this.#atEnd || !isFull);
    if (follows || last === undefined || place.seq < last.seq) {
      this.#show([...this.#window, place], "older");
      return this.#collect();
    }
    this.#beyond.set(place.id, place);
    this.#hasNewer ||= !this.#isMoving();
    this.#update();
  }

  /** An entity was written that the window may not show: some day it is let go. */
  wrote(): void {
    this.#uncollected++;
    this.#collect();
  }

  /** Resolves when the page is in the view; false where it can't be fetched now. */
  async loadOlder(): Promise<boolean> {
    const first = this.#window[0];
    if (!this.#hasOlder || first === undefined) return true;
    return this.#load("older", async () => {
      const page = await this.#fetch({ last: this.#parts.pageSize, beforeSeq: first.seq });
      return page && (() => {
        this.#hasOlder = page.messages.pageInfo.hasPreviousPage;
        this.#show([...page.messages.nodes.map(placeOf), ...this.#window], "newer");
      });
    });
  }

  async loadNewer(): Promise<boolean> {
    const last = this.#window.at(-1);
    if (!this.#hasNewer || last === undefined) return true;
    return this.#load("newer", async () => {
      const page = await this.#fetch({ first: this.#parts.pageSize, afterSeq: last.seq });
      return page && (() => {
        this.#hasNewer = page.messages.pageInfo.hasNextPage;
        this.#show([...this.#window, ...page.messages.nodes.map(placeOf)], "older");
      });
    });
  }

  /** To the newest messages, whatever lies between. */
  async toPresent(): Promise<boolean> {
    return this.#hasNewer ? this.#toNewest({}) : true;
  }

  /**
   * Drop the window for the newest page, which shows when it is here.
   *
   * @param otherHistory the room's history is another one: what is fetched counts, however low its versions.
   */
  async startAnew(otherHistory: boolean): Promise<boolean> {
    // Nothing of what the window doesn't show may stay: its versions are those of a history that is gone.
    if (otherHistory) this.#uncollected = COLLECT_AFTER;
    return this.#toNewest({ withMembers: true }, (write) => (otherHistory ? this.#parts.cache.writeAnew(write) : write()));
  }

  /** Makes the message and what surrounds it the view; false where it can't be read or fetched. */
  async showMessage(id: string): Promise<boolean> {
    if (this.#window.some((place) => place.id === id)) return true;
    return this.#load("around", async () => {
      const answer = await this.#parts.endpoint.execute(MessagePlaceDocument, { id });
      const message = answer.kind === "data" ? answer.data.message : null;
      if (message === null || message.roomId !== this.roomId) return null;
      const older = await this.#fetch({ last: this.#parts.pageSize, beforeSeq: message.seq + 1 });
      const newer = older && (await this.#fetch({ first: this.#parts.pageSize, afterSeq: message.seq }));
      return newer && (() => {
        this.#hasOlder = older.messages.pageInfo.hasPreviousPage;
        this.#hasNewer = newer.messages.pageInfo.hasNextPage;
        this.#show([...older.messages.nodes, ...newer.messages.nodes].map(placeOf), "newer");
      });
    });
  }

  /** Takes the place of a load that is under way: what that brings is for a window that is gone. */
  #toNewest(part: { withMembers?: true }, writing?: (write: () => void) => void): Promise<boolean> {
    this.#generation++;
    this.#loading = null;
    const before = [...this.#beyond.keys()];
    return this.#load("present", async () => {
      const page = await this.#fetch({ ...part, last: this.#parts.pageSize }, writing);
      return page && (() => {
        this.#hasOlder = page.messages.pageInfo.hasPreviousPage;
        this.#hasNewer = false;
        // The page has them, or they were of another history.
        for (const id of before) this.#beyond.delete(id);
        this.#show(page.messages.nodes.map(placeOf), "older");
      });
    });
  }

  /** One load at a time; `fetch` brings what to do with the window. */
  async #load(loading: Loading, fetch: () => Promise<(() => void) | null>): Promise<boolean> {
    if (this.#loading !== null) return false;
    const generation = this.#generation;
    this.#loading = loading;
    this.#update();
    const apply = await fetch();
    if (generation !== this.#generation) return false;
    this.#loading = null;
    this.#parts.cache.batch({
      update: () => {
        apply?.();
        this.#join();
      },
    });
    this.#update();
    this.#collect();
    return apply !== null;
  }

  async #fetch(
    part: Omit<HistoryQueryVariables, "roomId">,
    writing: (write: () => void) => void = (write) => write(),
  ): Promise<Page | null> {
    const { cache, endpoint, foretold } = this.#parts;
    const generation = this.#generation;
    const answer = await endpoint.execute(HistoryDocument, { ...part, roomId: this.roomId });
    const room = answer.kind === "data" ? answer.data.room : null;
    if (room === null || generation !== this.#generation) return null;
    const write = (): void => {
      cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", room);
      const { members } = room;
      if (members !== undefined) cache.writeEntity(FirstMembersFragmentDoc, "FirstMembers", { ...room, members });
      for (const message of room.messages.nodes) {
        foretold.tell(message);
        cache.writeOwn(message);
      }
    };
    cache.batch({ update: () => writing(write) });
    return room;
  }

  /** Whether a load is under way that decides where the window's newer end will be. */
  #isMoving(): boolean {
    return this.#loading !== null && this.#loading !== "older";
  }

  /** What came while the newer end was on its way: it follows the window where that has reached the present. */
  #join(): void {
    if (this.#hasNewer) return;
    const last = this.#window.at(-1)?.seq ?? 0;
    const missed = [...this.#beyond.values()].filter(({ seq }) => seq > last).sort((one, other) => one.seq - other.seq);
    const lost = missed.findIndex(({ id }) => this.#find(id) === null);
    this.#hasNewer = lost !== -1;
    const found = lost === -1 ? missed : missed.slice(0, lost);
    if (found.length > 0) this.#show([...this.#window, ...found], "older");
  }

  /** Make these the window; of too many, those at the given end are dropped. */
  #show(places: readonly Place[], dropping: "older" | "newer"): void {
    const { cache, windowSize } = this.#parts;
    const ordered = [...new Map(places.map((place) => [place.id, place])).values()].sort((a, b) => a.seq - b.seq);
    const surplus = Math.max(0, ordered.length - windowSize);
    const kept = dropping === "older" ? ordered.slice(surplus) : ordered.slice(0, windowSize);
    if (surplus > 0 && dropping === "older") this.#hasOlder = true;
    if (surplus > 0 && dropping === "newer") {
      this.#hasNewer = true;
      for (const place of ordered.slice(windowSize)) this.#beyond.set(place.id, place);
    }
    this.#window = kept;
    const last = kept.at(-1)?.seq ?? 0;
    for (const { id, seq } of [...this.#beyond.values()]) if (seq <= last) this.#beyond.delete(id);
    this.#uncollected += surplus;
    cache.modify({
      id: this.#key,
      fields: {
        messages: (_, { toReference }) => ({
          __typename: "MessageConnection",
          nodes: kept.map(({ id }) => toReference({ __typename: "Message", id })),
        }),
      },
    });
  }

  /** Never while a page is on its way: what events wrote of its messages is newer than what it will say. */
  #collect(): void {
    if (this.#uncollected < COLLECT_AFTER || this.#loading !== null) return;
    this.#uncollected = 0;
    this.#parts.cache.gc();
  }

  #onStored(diff: Cache.DiffResult<CachedRoomQuery>): void {
    this.#stored = this.#nodesOf(diff);
    this.#update();
  }

  /** A node that lacks something (it never should) is not shown. */
  #nodesOf(diff: Cache.DiffResult<CachedRoomQuery>): readonly StoredMessage[] {
    if (diff.complete) return diff.result.room?.messages.nodes ?? [];
    return this.#window.map(({ id }) => this.#find(id)).filter((message) => message !== null);
  }

  #find(id: string): StoredMessage | null {
    return this.#parts.cache.readFragment({
      id: `Message:${id}`,
      fragment: CachedMessagePartsFragmentDoc,
      fragmentName: "CachedMessageParts",
    });
  }

  #update(): void {
    this.#view = this.#compose();
    this.#changes.emit(this.#view);
  }

  #compose(): MessagesView {
    const operations = this.#parts.outbox.view.operations.filter(({ roomId }) => roomId === this.roomId);
    return {
      entries: this.#entries.lay(this.#stored, operations, !this.#hasNewer),
      hasOlder: this.#hasOlder,
      hasNewer: this.#hasNewer,
      newerCount: this.#hasNewer ? this.#beyond.size : 0,
      loading: this.#loading,
    };
  }

  get #key(): string {
    return `Room:${this.roomId}`;
  }
}

function placeOf({ id, seq }: Place): Place {
  return { id, seq };
}
