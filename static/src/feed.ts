import type { Stop } from "./changes.ts";

export type FeedState =
  /** Not subscribed, or what was missed is still coming. */
  | { readonly kind: "catching-up" }
  | { readonly kind: "live" }
  /** The history is another one: the newest page is fetched anew. */
  | { readonly kind: "resetting" }
  /** The viewer may no longer read the room. */
  | { readonly kind: "ended" }
  | { readonly kind: "stopped" };

export declare class RoomFeed {
  readonly roomId: string;
  get state(): FeedState;
  /** When the last event was applied. */
  get lastEventAt(): number | null;
  subscribe(listener: (state: FeedState) => void): Stop;
  stop(): void;
}
