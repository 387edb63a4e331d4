import { delayBefore, type Backoff } from "./backoff.ts";
import { Changes, type Stop } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import type { Foretold } from "./foretold.ts";
import { RoomFeedDocument, type RoomFeedSubscription, type StreamResetReason } from "./generated/operations.ts";
import type { Observation } from "./observation.ts";
import { exactly, judge, past, type Position } from "./position.ts";
import type { SubscriptionEnd } from "./socket.ts";

export type FeedState =
  /** Not subscribed, or what was missed is still coming. */
  | { readonly kind: "catching-up" }
  | { readonly kind: "live" }
  /** The stream can't be followed from where it was left: the newest page is fetched anew. */
  | { readonly kind: "resetting" }
  /** The viewer may no longer read the room. */
  | { readonly kind: "ended" }
  | { readonly kind: "stopped" };

type Item = RoomFeedSubscription["roomEvents"];
type Marker = "StreamReady" | "StreamReset";
/** A change in the room; of a kind that this page doesn't know, it has nothing but its seq. */
export type RoomChange = Exclude<NonNullable<Item["event"]>, { __typename: Marker }>;

/** What a feed keeps up to date. */
export interface FeedTarget {
  /** Called once for each event, in the room's order. */
  apply(change: RoomChange): void;
  /**
   * Replace everything by the newest page, read after this call; false where that can't be fetched now.
   *
   * @param otherHistory lower versions than those before are true all the same.
   */
  startAnew(otherHistory: boolean): Promise<boolean>;
}

const BACKOFF: Backoff = { base: 500, cap: 15_000 };
/** So many times in a row at one place, and what lies there is passed by fetching the newest page. */
const MAX_STUMBLES = 5;

/** One room's events, each applied once and in order, through every cut: it goes on from its own cursor. */
export class RoomFeed {
  readonly roomId: string;
  readonly #environment: Environment;
  readonly #connection: Connection;
  readonly #target: FeedTarget;
  readonly #foretold: Foretold;
  /** How far the room had come before the present subscription was asked for, as far as was told. */
  #toldBefore = 0;
  readonly #changes = new Changes<FeedState>();
  readonly #stopFollowing: Stop;
  #state: FeedState = { kind: "catching-up" };
  /** What to subscribe after. null: unknown; then the subscription begins at the stream's end, and the rest is fetched. */
  #start: Position | null;
  /** `#start`, and the events since then that had no seq. */
  #position: Position | null = null;
  /** The cursors of those, by which a repeat is known. */
  readonly #blanks = new Set<string>();
  #stopSubscription: Stop = () => undefined;
  /** Whether the present subscription has said where the stream's end is: what comes after that is live. */
  #isAtHead = false;
  #stopTimer: Stop = () => undefined;
  #failures = 0;
  /** Those of them that are of the place itself: a server that is in trouble says nothing of it. */
  #stumbles = 0;
  /** Whether word came, since the present subscription was asked for, that the viewer may read. */
  #isLetIn = false;
  #lastEventAt: number | null = null;
  /** What came during a reset. */
  #held: Item[] = [];
  #resets = 0;
  #otherHistory = false;
  #stopStartingAnew: Stop = () => undefined;

  constructor(
    environment: Environment,
    connection: Connection,
    target: FeedTarget,
    foretold: Foretold,
    roomId: string,
    start: Position,
  ) {
    this.roomId = roomId;
    this.#foretold = foretold;
    this.#environment = environment;
    this.#connection = connection;
    this.#target = target;
    this.#start = start;
    this.#stopFollowing = connection.subscribe(({ kind }) => {
      if (kind === "connected") this.#open();
    });
    if (connection.state.kind === "connected") this.#open();
  }

  get state(): FeedState {
    return this.#state;
  }

  /** When the last event was applied. */
  get lastEventAt(): number | null {
    return this.#lastEventAt;
  }

  subscribe(listener: (state: FeedState) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  /** The viewer may read again: go on after the last event that was applied, also where the end is yet to come. */
  resume(): void {
    this.#isLetIn = true;
    if (this.#state.kind !== "ended") return;
    this.#set({ kind: "catching-up" });
    this.#open();
  }

  stop(): void {
    this.#stopFollowing();
    this.#stopStartingAnew();
    this.#close();
    this.#set({ kind: "stopped" });
  }

  #open(): void {
    if (this.#state.kind === "ended" || this.#state.kind === "stopped") return;
    this.#close();
    this.#held = [];
    if (this.#state.kind === "live") this.#set({ kind: "catching-up" });
    this.#position = this.#start;
    this.#blanks.clear();
    this.#isLetIn = false;
    this.#toldBefore = this.#foretold.last;
    const after = this.#start === null ? {} : { after: this.#start.cursor };
    this.#stopSubscription = this.#connection.open(
      RoomFeedDocument,
      { roomId: this.roomId, ...after },
      { next: ({ roomEvents }) => this.#next(roomEvents), end: (how) => this.#onEnd(how) },
    );
  }

  #close(): void {
    this.#isAtHead = false;
    this.#stopTimer();
    this.#stopSubscription();
  }

  #next(item: Item): void {
    if (item.event?.__typename === "StreamReset") return this.#reset(item.cursor, item.event.seq, item.event.reason);
    if (this.#state.kind === "resetting") return void this.#held.push(item);
    if (item.event?.__typename === "StreamReady") return this.#onReady(item.cursor, item.event.seq);
    if (this.#position === null) return this.#stumble();
    if (item.event === null) {
      if (this.#blanks.has(item.cursor)) return;
      this.#position = past(this.#position);
      this.#blanks.add(item.cursor);
      return this.#observe({ kind: "passed", roomId: this.roomId, cursor: item.cursor });
    }
    const verdict = judge(this.#position, item.cursor, item.event.seq);
    switch (verdict.kind) {
      case "repeat":
        return;
      case "gap":
        return this.#stumble();
      case "next":
        if (!this.#foretold.agrees(item.event.seq, messageOf(item.event))) {
          return this.#reset(item.cursor, item.event.seq, "HISTORY_CHANGED");
        }
        this.#target.apply(item.event);
        this.#lastEventAt = this.#environment.clock.now();
        this.#observe({ kind: "applied", roomId: this.roomId, cursor: item.cursor, change: item.event });
        return this.#stand(verdict.position);
      default:
        return verdict satisfies never;
    }
  }

  #stand(position: Position): void {
    this.#start = position;
    this.#position = position;
    this.#failures = 0;
    this.#stumbles = 0;
  }

  #onReady(cursor: string, seq: number): void {
    const { least, most } = this.#position ?? { least: 0, most: -1 };
    // Without a cursor nobody could tell whether the history is still the same.
    if (this.#position === null) return this.#renew(cursor, seq, true);
    if (seq > most) return this.#stumble();
    if (seq < least || seq < this.#toldBefore) return this.#reset(cursor, seq, "HISTORY_CHANGED");
    this.#stand(exactly(cursor, seq));
    this.#isAtHead = true;
    this.#observe({ kind: "ready", roomId: this.roomId, cursor, seq });
    this.#set({ kind: "live" });
  }

  #onEnd(how: SubscriptionEnd): void {
    this.#isAtHead = false;
    switch (how.kind) {
      case "cut":
        if (this.#state.kind === "live") this.#set({ kind: "catching-up" });
        return;
      case "completed":
        return this.#shutOut();
      case "spoilt":
        return this.#stumble();
      case "refused":
        if (how.code === "NOT_FOUND" || how.code === "FORBIDDEN") return this.#shutOut();
        // UNAUTHENTICATED has stopped the connection.
        if (how.code !== "UNAUTHENTICATED") this.#retry(how.retryAfter);
        return;
      default:
        return how satisfies never;
    }
  }

  #shutOut(): void {
    // What is shown doesn't reach to the reset's cursor: the next beginning fetches it.
    if (this.#state.kind === "resetting") this.#start = null;
    this.#stopStartingAnew();
    this.#set({ kind: "ended" });
    if (this.#isLetIn) this.resume();
  }

  /** What follows the own cursor does not come as it should. */
  #stumble(): void {
    this.#stumbles++;
    if (this.#stumbles > MAX_STUMBLES) this.#start = null;
    this.#retry(null);
  }

  /** Subscribe again from the own cursor, later and later while that leads nowhere. */
  #retry(retryAfter: number | null): void {
    this.#close();
    if (this.#state.kind === "live") this.#set({ kind: "catching-up" });
    const { clock, random } = this.#environment;
    const delay = (retryAfter ?? 0) + delayBefore(this.#failures, BACKOFF, random);
    this.#failures++;
    this.#stopTimer = clock.after(delay, () => this.#open());
  }

  #reset(cursor: string, seq: number, reason: StreamResetReason): void {
    const after = this.#start?.cursor ?? null;
    this.#observe({ kind: "reset", roomId: this.roomId, cursor, seq, reason, after });
    // A cursor that the server doesn't know can come from before a restored backup, too.
    this.#renew(cursor, seq, reason === "HISTORY_CHANGED" || reason === "CURSOR_INVALID");
  }

  /** Fetch the newest page, and go on after `cursor`. */
  #renew(cursor: string, seq: number, otherHistory: boolean): void {
    this.#stand(exactly(cursor, seq));
    this.#isAtHead = true;
    this.#held = [];
    this.#foretold.forget();
    this.#toldBefore = 0;
    this.#resets++;
    this.#otherHistory ||= otherHistory;
    if (this.#state.kind === "resetting") return;
    this.#set({ kind: "resetting" });
    void this.#startAnew(0);
  }

  async #startAnew(attempt: number): Promise<void> {
    const [reset, state] = [this.#resets, this.#state];
    const done = await this.#target.startAnew(this.#otherHistory);
    if (state !== this.#state) return;
    if (done && reset === this.#resets) {
      this.#otherHistory = false;
      this.#failures = 0;
      if (this.#start !== null) {
        this.#observe({ kind: "renewed", roomId: this.roomId, cursor: this.#start.cursor, seq: this.#start.least });
      }
      this.#set({ kind: this.#isAtHead ? "live" : "catching-up" });
      const held = this.#held;
      this.#held = [];
      for (const item of held) this.#next(item);
      return;
    }
    const { clock, random } = this.#environment;
    const delay = done ? 0 : delayBefore(attempt, BACKOFF, random);
    this.#stopStartingAnew = clock.after(delay, () => {
      // Where the room is out of sight, that says so; and no more is held than comes between two tries.
      if (!done) this.#open();
      void this.#startAnew(attempt + 1);
    });
  }

  #observe(what: Observation): void {
    this.#environment.observe?.(what);
  }

  #set(state: FeedState): void {
    this.#state = state;
    if (state.kind === "ended") this.#observe({ kind: "ended", roomId: this.roomId });
    this.#changes.emit(state);
  }
}

function messageOf(change: RoomChange): string | null {
  return "message" in change ? change.message.id : null;
}
