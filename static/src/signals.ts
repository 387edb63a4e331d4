import { Changes, type Stop } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Environment } from "./environment.ts";
import {
  RoomSignalsDocument,
  SetTypingDocument,
  type Presence,
  type RoomSignalsSubscription,
  type UserPartsFragment,
} from "./generated/operations.ts";

export interface SignalsView {
  /** Others who type now, in the order in which they began. */
  readonly typing: readonly UserPartsFragment[];
  /** By the user's id; empty where the room is too large for it. */
  readonly presence: ReadonlyMap<string, Presence>;
  /** How far others have read, by the user's id: as far as was heard since the page opened. */
  readonly readSeqs: ReadonlyMap<string, number>;
}

type Signal = NonNullable<RoomSignalsSubscription["roomSignals"]["signal"]>;

/** Others' typing lapses where its end was lost; one's own is said again before that. */
const LAPSE_MS = 6_000;
const REPEAT_MS = 3_000;
/** Signals are worth nothing late: no hurry to have them again. */
const RETRY_MS = 15_000;

/** What passes in a room and is not kept: who types, who is there, how far others have read. */
export class RoomSignals {
  readonly #environment: Environment;
  readonly #connection: Connection;
  readonly #endpoint: Endpoint;
  readonly #viewerId: string;
  readonly #roomId: string;
  readonly #changes = new Changes<SignalsView>();
  readonly #stopFollowing: Stop;
  readonly #lapses = new Map<string, Stop>();
  #stopSubscription: Stop = () => undefined;
  #stopTimer: Stop = () => undefined;
  #view: SignalsView = { typing: [], presence: new Map(), readSeqs: new Map() };
  #saidTypingAt: number | null = null;

  constructor(environment: Environment, connection: Connection, endpoint: Endpoint, viewerId: string, roomId: string) {
    this.#environment = environment;
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#viewerId = viewerId;
    this.#roomId = roomId;
    this.#stopFollowing = connection.subscribe(({ kind }) => {
      if (kind === "connected") this.#open();
    });
    if (connection.state.kind === "connected") this.#open();
  }

  get view(): SignalsView {
    return this.#view;
  }

  subscribe(listener: (view: SignalsView) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  /** Call at every key: tells the room at most every few seconds. */
  typing(): void {
    const now = this.#environment.clock.now();
    if (this.#saidTypingAt !== null && now - this.#saidTypingAt < REPEAT_MS) return;
    this.#saidTypingAt = now;
    this.#say(true);
  }

  /** The composer is empty again, or was sent. */
  notTyping(): void {
    if (this.#saidTypingAt === null) return;
    const hasLapsed = this.#environment.clock.now() - this.#saidTypingAt >= LAPSE_MS;
    this.#saidTypingAt = null;
    if (!hasLapsed) this.#say(false);
  }

  stop(): void {
    this.#stopFollowing();
    this.#close();
    this.#forgetTyping();
  }

  #say(typing: boolean): void {
    if (this.#connection.state.kind !== "connected") return;
    void this.#endpoint.execute(SetTypingDocument, { input: { roomId: this.#roomId, typing } });
  }

  #open(): void {
    this.#close();
    this.#forgetTyping();
    this.#set({ typing: [], presence: new Map() });
    this.#stopSubscription = this.#connection.open(
      RoomSignalsDocument,
      { roomId: this.#roomId },
      {
        next: ({ roomSignals: { signal } }) => signal && this.#apply(signal),
        end: ({ kind }) => {
          if (kind === "refused" || kind === "spoilt") this.#stopTimer = this.#environment.clock.after(RETRY_MS, () => this.#open());
        },
      },
    );
  }

  #close(): void {
    this.#stopTimer();
    this.#stopSubscription();
  }

  #apply(signal: Signal): void {
    switch (signal.__typename) {
      case "TypingSignal":
        return this.#onTyping(signal.user, signal.typing);
      case "PresenceSignal": {
        const presence = new Map(this.#view.presence);
        for (const { user, presence: now } of signal.users) presence.set(user.id, now);
        return this.#set({ presence });
      }
      case "ReadSignal": {
        const { user, lastReadSeq } = signal;
        return this.#set({ readSeqs: new Map(this.#view.readSeqs).set(user.id, lastReadSeq) });
      }
      default:
        return signal satisfies never;
    }
  }

  #onTyping(user: UserPartsFragment, typing: boolean): void {
    if (user.id === this.#viewerId) return;
    this.#lapses.get(user.id)?.();
    this.#lapses.delete(user.id);
    const others = this.#view.typing.filter(({ id }) => id !== user.id);
    if (!typing) return this.#set({ typing: others });
    this.#lapses.set(user.id, this.#environment.clock.after(LAPSE_MS, () => this.#onTyping(user, false)));
    if (others.length === this.#view.typing.length) this.#set({ typing: [...others, user] });
  }

  #forgetTyping(): void {
    for (const stop of this.#lapses.values()) stop();
    this.#lapses.clear();
  }

  #set(change: Partial<SignalsView>): void {
    this.#view = { ...this.#view, ...change };
    this.#changes.emit(this.#view);
  }
}
