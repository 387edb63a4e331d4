import { delayBefore, type Backoff } from "./backoff.ts";
import type { TodokuCache } from "./cache.ts";
import { Changes, type Stop } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Environment } from "./environment.ts";
import {
  InboxFeedDocument,
  JoinedRoomsDocument,
  ReadMarkerFragmentDoc,
  RoomNumbersFragmentDoc,
  type InboxFeedSubscription,
  type StreamResetReason,
} from "./generated/operations.ts";
import { JoinedRooms, type JoinedRoom } from "./joined.ts";
import type { SubscriptionEnd } from "./socket.ts";

export type { JoinedRoom } from "./joined.ts";

type Concern = InboxFeedSubscription["inbox"];
type Item = NonNullable<Concern["item"]>;
export type Mention = NonNullable<Extract<Item, { __typename: "Mentioned" }>["message"]>;

/** What an inbox tells besides the rooms. */
export type InboxNews =
  | { readonly kind: "mentioned"; readonly message: Mention }
  /** `readable`: whether the room can still be seen. */
  | { readonly kind: "membership"; readonly roomId: string; readonly readable: boolean }
  /** One of the person's sessions, perhaps this one: then the connection stops as well. */
  | { readonly kind: "session-ended"; readonly reason: string };

const BACKOFF: Backoff = { base: 1_000, cap: 30_000 };

/**
 * The viewer's own stream: what happens in all their rooms, as far as it concerns them.
 *
 * Its items say how things are now, so applying one twice does no harm; it has a cursor and no seqs.
 */
export class Inbox {
  readonly #environment: Environment;
  readonly #connection: Connection;
  readonly #endpoint: Endpoint;
  readonly #cache: TodokuCache;
  readonly #joined: JoinedRooms;
  readonly #news = new Changes<InboxNews>();
  readonly #stopFollowing: Stop;
  #cursor: string | null;
  #stopSubscription: Stop = () => undefined;
  #stopTimer: Stop = () => undefined;
  #stopFetching: Stop = () => undefined;
  #failures = 0;
  /** What came since a reset, until all rooms are here anew; null where none are fetched. */
  #held: Concern[] | null = null;
  #otherHistory = false;
  #fetches = 0;
  #stopped = false;

  constructor(environment: Environment, connection: Connection, endpoint: Endpoint, cache: TodokuCache, cursor: string | null) {
    this.#environment = environment;
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#cache = cache;
    this.#cursor = cursor;
    this.#joined = new JoinedRooms(cache);
    this.#stopFollowing = connection.subscribe(({ kind }) => {
      if (kind === "connected") this.#open();
    });
    if (connection.state.kind === "connected") this.#open();
  }

  /** In the order of the page, then those joined since. */
  get rooms(): readonly JoinedRoom[] {
    return this.#joined.rooms;
  }

  subscribe(listener: (rooms: readonly JoinedRoom[]) => void): Stop {
    return this.#joined.subscribe(listener);
  }

  onNews(listener: (news: InboxNews) => void): Stop {
    return this.#news.subscribe(listener);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopFollowing();
    this.#stopFetching();
    this.#close();
    this.#joined.stop();
  }

  #open(): void {
    this.#close();
    // It comes again.
    this.#held?.splice(0);
    const after = this.#cursor === null ? {} : { after: this.#cursor };
    this.#stopSubscription = this.#connection.open(InboxFeedDocument, after, {
      next: ({ inbox }) => this.#next(inbox),
      end: (how) => this.#onEnd(how),
    });
  }

  #close(): void {
    this.#stopTimer();
    this.#stopSubscription();
  }

  #onEnd(how: SubscriptionEnd): void {
    switch (how.kind) {
      case "cut":
        return;
      case "completed":
      case "spoilt":
        return this.#retry(null);
      case "refused":
        return how.code === "UNAUTHENTICATED" ? undefined : this.#retry(how.retryAfter);
      default:
        return how satisfies never;
    }
  }

  #retry(retryAfter: number | null): void {
    this.#close();
    const { clock, random } = this.#environment;
    const delay = (retryAfter ?? 0) + delayBefore(this.#failures++, BACKOFF, random);
    this.#stopTimer = clock.after(delay, () => this.#open());
  }

  #next(concern: Concern): void {
    const { cursor, item } = concern;
    this.#failures = 0;
    if (this.#held !== null && item?.__typename !== "InboxReset") return void this.#held.push(concern);
    this.#cursor = cursor ?? this.#cursor;
    if (item !== null) this.#apply(item);
  }

  #apply(item: Item): void {
    switch (item.__typename) {
      case "RoomActivity": {
        const { roomId, lastSeq, messageCount } = item;
        return this.#cache.writeEntity(RoomNumbersFragmentDoc, "RoomNumbers", {
          __typename: "Room",
          id: roomId,
          lastSeq,
          messageCount,
        });
      }
      case "ReadMarkerMoved": {
        const { roomId, version, lastReadSeq, readMessageCount, mentionCount } = item;
        const viewerMembership = { __typename: "Membership", version, lastReadSeq, readMessageCount, mentionCount } as const;
        return this.#cache.writeEntity(ReadMarkerFragmentDoc, "ReadMarker", { __typename: "Room", id: roomId, viewerMembership });
      }
      case "MembershipChanged":
        this.#joined.change(item.roomId, item.room);
        return this.#news.emit({ kind: "membership", roomId: item.roomId, readable: item.room !== null });
      case "Mentioned":
        if (item.message === null) return;
        this.#joined.countMention(item.message.roomId, item.message.seq);
        return this.#news.emit({ kind: "mentioned", message: item.message });
      case "SessionEnded":
        return this.#news.emit({ kind: "session-ended", reason: item.reason });
      case "InboxReady":
        return;
      case "InboxReset":
        return this.#reset(item.resetReason);
      default:
        // A kind of item that is younger than this page.
        return item satisfies never;
    }
  }

  #reset(reason: StreamResetReason): void {
    this.#otherHistory ||= reason === "HISTORY_CHANGED" || reason === "CURSOR_INVALID";
    this.#stopFetching();
    this.#held = [];
    void this.#fetchAnew(this.#held);
  }

  /** All rooms as they are now; `held` is newer than what an answer says, or the same. */
  async #fetchAnew(held: readonly Concern[]): Promise<void> {
    const answer = await this.#endpoint.execute(JoinedRoomsDocument, {});
    if (this.#stopped || held !== this.#held) return;
    if (answer.kind !== "data") {
      const delay = delayBefore(this.#fetches++, BACKOFF, this.#environment.random);
      this.#stopFetching = this.#environment.clock.after(delay, () => {
        // So that no more is held than comes between two tries.
        this.#open();
        void this.#fetchAnew(held);
      });
      return;
    }
    const write = (): void => void this.#cache.writeQuery({ query: JoinedRoomsDocument, data: answer.data });
    if (this.#otherHistory) this.#cache.writeAnew(write);
    else write();
    this.#otherHistory = false;
    this.#fetches = 0;
    this.#held = null;
    // What was passed over may have said so.
    for (const { id } of answer.data.rooms.nodes) this.#news.emit({ kind: "membership", roomId: id, readable: true });
    for (const concern of held) if (!this.#stopped) this.#next(concern);
  }
}
