/**
 * What answers have told of events that have not come yet: at this seq, this message changed.
 *
 * An answer runs ahead of the feed. Where the server's data is then replaced by an older backup, a page that was away
 * meanwhile goes on from a cursor that is still good, and would keep for ever what was answered of the history that is
 * gone. So each event is held against what was told of it.
 */
export class Foretold {
  readonly #messages = new Map<number, string>();

  /** A message has this version. */
  tell({ id, version }: { readonly id: string; readonly version: number }): void {
    this.#messages.set(version, id);
  }

  /** The event at `seq` is about this message, or about none; false: something else was told of it. */
  agrees(seq: number, messageId: string | null): boolean {
    const told = this.#messages.get(seq);
    for (const earlier of this.#messages.keys()) if (earlier <= seq) this.#messages.delete(earlier);
    return told === undefined || told === messageId;
  }

  /** How far it reaches; 0: nothing was told. */
  get last(): number {
    return Math.max(0, ...this.#messages.keys());
  }

  forget(): void {
    this.#messages.clear();
  }
}
