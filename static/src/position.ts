/**
 * A place in a stream: after the event that `cursor` names.
 *
 * Its seq is between `least` and `most`. They differ at the start, where only a cursor is known (a page tells what its
 * room had at most), and by the events that came since as a cursor alone, because they can't be shown any more.
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

/**
 * After one more event that can't be shown.
 *
 * Whether it follows a gap, nobody can tell before the next one that has a seq. So only the upper bound moves, and the
 * cursor stays where it surely belongs.
 */
export function past(position: Position): Position {
  return { ...position, most: position.most + 1 };
}
