import type { Stop } from "./changes.ts";
import type { JoinedRoomPartsFragment } from "./generated/operations.ts";

/** A room of the list. The same object as long as nothing about it changes. */
export interface JoinedRoom {
  readonly room: JoinedRoomPartsFragment;
  readonly unread: number;
  readonly mentions: number;
}

/** Mentions the person gets while the page is open. */
export interface Mention {
  readonly messageId: string;
  readonly roomId: string;
}

export declare class Inbox {
  /** The rooms the viewer is a member of, in the order of the page. */
  get rooms(): readonly JoinedRoom[];
  subscribe(listener: (rooms: readonly JoinedRoom[]) => void): Stop;
  onMention(listener: (mention: Mention) => void): Stop;
  stop(): void;
}
