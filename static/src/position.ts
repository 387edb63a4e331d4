/**
 * A place in a stream: after the event that `cursor` names.
 *
 * Its seq is between `least` and `most`. They differ where only a cursor is known: at the start (a page tells what its
 * room had at most), and after events that can't be shown any more, which come as a cursor alone.
 */
export interface Position {
  readonly cursor: string;
  readonly least: number;
  readonly most: number;
}

export type Verdict =
  /** Applied already. */
  | { readonly kind: "repeat" }
  | { readonly kind: "next"; readonly position: Position }
  /** Something between is missing. */
  | { readonly kind: "gap" };

export function exactly(cursor: string, seq: number): Position {
  return { cursor, least: seq, most: seq };
}

/** What an event at `seq` is to one who stands at `position`. */
export function judge(position: Position, cursor: string, seq: number): Verdict {
  if (seq <= position.least) return { kind: "repeat" };
  if (seq > position.most + 1) return { kind: "gap" };
  return { kind: "next", position: exactly(cursor, seq) };
}

/** After an event that can't be shown. It could be a repeat, so only the upper bound moves; the next event tells. */
export function past(position: Position, cursor: string): Position {
  return { cursor, least: position.least, most: position.most + 1 };
}
