import type { Taken } from "./delivery.ts";
import type { Answer } from "./endpoint.ts";
import type { RoomChange } from "./feed.ts";
import type { StreamResetReason } from "./generated/operations.ts";

/** What goes on inside, for whoever keeps a record of it: nobody in a browser, the history in a drill. */
export type Observation =
  | { readonly kind: "applied"; readonly roomId: string; readonly cursor: string; readonly change: RoomChange }
  /** An event that can't be shown any more. */
  | { readonly kind: "passed"; readonly roomId: string; readonly cursor: string }
  | { readonly kind: "ready"; readonly roomId: string; readonly cursor: string; readonly seq: number }
  /** `after`: the cursor that can't be gone on from. */
  | {
      readonly kind: "reset";
      readonly roomId: string;
      readonly cursor: string;
      readonly seq: number;
      readonly reason: StreamResetReason;
      readonly after: string | null;
    }
  /** The newest page is here after a reset; the feed goes on after `cursor`. */
  | { readonly kind: "renewed"; readonly roomId: string; readonly cursor: string; readonly seq: number }
  | { readonly kind: "ended"; readonly roomId: string }
  /** A connection that stood is gone. */
  | { readonly kind: "lost"; readonly code: number }
  /** A request with this operation of the outbox begins. */
  | { readonly kind: "tried"; readonly id: string }
  | { readonly kind: "returned"; readonly id: string; readonly answer: Answer<Taken> };
