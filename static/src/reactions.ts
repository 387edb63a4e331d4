import type { MessagePartsFragment } from "./generated/operations.ts";
import type { StoredMessage } from "./messages.ts";

interface Known {
  /** All of the viewer's own changes up to this seq of the room are in `emojis`. */
  asOf: number;
  readonly emojis: Set<string>;
}

/**
 * Which reactions are the viewer's own.
 *
 * Events are executed once for everybody, so they can't say it. It is known from the viewer's own queries and
 * mutations (`viewerReacted`), followed by each event's actor, emoji and `added`, and read off the list of users
 * where that is complete.
 */
export class OwnReactions {
  readonly #viewerId: string;
  readonly #known = new Map<string, Known>();

  constructor(viewerId: string) {
    this.#viewerId = viewerId;
  }

  /** A response to the viewer's own query told it. */
  learn(message: StoredMessage): void {
    const known = this.#known.get(message.id);
    if (known !== undefined && known.asOf > message.version) return;
    const emojis = message.reactions.filter((reaction) => reaction.viewerReacted).map((reaction) => reaction.emoji);
    if (known === undefined && message.reactions.length === 0) return;
    this.#known.set(message.id, { asOf: message.version, emojis: new Set(emojis) });
  }

  /** Somebody reacted, or took it back, at `seq` of the room. */
  follow(messageId: string, change: { seq: number; actorId: string | undefined; emoji: string; added: boolean }): void {
    if (change.actorId !== this.#viewerId) return;
    const known = this.#known.get(messageId) ?? { asOf: 0, emojis: new Set() };
    if (change.seq <= known.asOf) return;
    known.asOf = change.seq;
    if (change.added) known.emojis.add(change.emoji);
    else known.emojis.delete(change.emoji);
    this.#known.set(messageId, known);
  }

  /** The message with what its payload could not say. */
  complete(message: MessagePartsFragment): StoredMessage {
    const own = this.#known.get(message.id)?.emojis;
    const reactions = message.reactions.map((reaction) => {
      const listed = reaction.users.some((user) => user.id === this.#viewerId);
      const allListed = reaction.users.length >= reaction.count;
      return { ...reaction, viewerReacted: listed || (!allListed && own?.has(reaction.emoji) === true) };
    });
    return { ...message, reactions };
  }

  forget(messageId: string): void {
    this.#known.delete(messageId);
  }
}
