import type { Stop } from "./changes.ts";
import type { Presence, UserPartsFragment } from "./generated/operations.ts";

export interface SignalsView {
  /** Others who type now, in the order in which they began. */
  readonly typing: readonly UserPartsFragment[];
  readonly presence: ReadonlyMap<string, Presence>;
  /** How far others have read, by the user's id: as far as was heard since the page opened. */
  readonly readSeqs: ReadonlyMap<string, number>;
}

export declare class RoomSignals {
  get view(): SignalsView;
  subscribe(listener: (view: SignalsView) => void): Stop;
  /** Call at every key: tells the room at most every few seconds. */
  typing(): void;
  /** The composer is empty again, or was sent. */
  notTyping(): void;
  stop(): void;
}
