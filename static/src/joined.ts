import type { Cache } from "@apollo/client";
import type { Reference } from "@apollo/client/cache";
import type { TodokuCache } from "./cache.ts";
import { Changes, type Stop } from "./changes.ts";
import {
  CachedRoomsDocument,
  JoinedRoomPartsFragmentDoc,
  type CachedRoomsQuery,
  type CachedRoomsQueryVariables,
  type JoinedRoomPartsFragment,
} from "./generated/operations.ts";

/** A room of the viewer's list. The same object as long as nothing about it changes. */
export interface JoinedRoom {
  readonly room: JoinedRoomPartsFragment;
  readonly unread: number;
  readonly mentions: number;
}

interface Connection {
  readonly nodes: readonly (Reference | undefined)[];
}

/** The rooms that the viewer is a member of: those of the page's list, then those joined since. */
export class JoinedRooms {
  readonly #cache: TodokuCache;
  readonly #changes = new Changes<readonly JoinedRoom[]>();
  readonly #stopWatching: Stop;
  #rooms: readonly JoinedRoom[] = [];

  /** The cache has the page's list already. */
  constructor(cache: TodokuCache) {
    this.#cache = cache;
    const query = { query: CachedRoomsDocument, optimistic: false, returnPartialData: true } as const;
    this.#read(cache.diff<CachedRoomsQuery, CachedRoomsQueryVariables>(query));
    this.#stopWatching = cache.watch<CachedRoomsQuery, CachedRoomsQueryVariables>({
      ...query,
      callback: (diff) => this.#read(diff),
    });
  }

  get rooms(): readonly JoinedRoom[] {
    return this.#rooms;
  }

  subscribe(listener: (rooms: readonly JoinedRoom[]) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  stop(): void {
    this.#stopWatching();
  }

  /** The viewer's standing in a room changed; null: the room is out of sight. */
  change(roomId: string, room: JoinedRoomPartsFragment | null): void {
    this.#cache.batch({
      update: () => {
        if (room !== null) this.#replace(room);
        this.#list(roomId, room !== null && room.viewerMembership !== null);
      },
    });
  }

  /** Somebody called the viewer by name. */
  countMention(roomId: string, seq: number): void {
    this.#cache.modify<{ viewerMembership: { lastReadSeq: number; mentionCount: number } | null }>({
      id: `Room:${roomId}`,
      fields: {
        viewerMembership: (membership, { isReference }) =>
          membership === null || isReference(membership) || seq <= membership.lastReadSeq
            ? membership
            : { ...membership, mentionCount: membership.mentionCount + 1 },
      },
    });
  }

  /**
   * A membership that ended and began again counts its versions anew, so here what comes replaces what was. Should it be
   * older than a response, the next item of the inbox brings the newer one again.
   */
  #replace(room: JoinedRoomPartsFragment): void {
    this.#cache.modify({ id: `Room:${room.id}`, fields: { viewerMembership: () => null } });
    this.#cache.writeEntity(JoinedRoomPartsFragmentDoc, "JoinedRoomParts", room);
  }

  #list(roomId: string, isMember: boolean): void {
    this.#cache.modify<{ rooms: Connection }>({
      fields: {
        rooms: (connection, { storeFieldName, isReference, toReference }) => {
          if (isReference(connection) || !storeFieldName.includes('"joined":true')) return connection;
          const key = `Room:${roomId}`;
          const others = connection.nodes.filter((node) => node?.__ref !== key);
          if (isMember && others.length < connection.nodes.length) return connection;
          return { ...connection, nodes: isMember ? [...others, toReference(key)] : others };
        },
      },
    });
  }

  #read(diff: Cache.DiffResult<CachedRoomsQuery>): void {
    if (!diff.complete) return;
    const before = new Map(this.#rooms.map((joined) => [joined.room, joined]));
    this.#rooms = diff.result.rooms.nodes.map((room) => before.get(room) ?? joinedOf(room));
    this.#changes.emit(this.#rooms);
  }
}

function joinedOf(room: JoinedRoomPartsFragment): JoinedRoom {
  const membership = room.viewerMembership;
  return {
    room,
    unread: membership === null ? 0 : Math.max(0, room.messageCount - membership.readMessageCount),
    mentions: membership?.mentionCount ?? 0,
  };
}
