import type { Reference } from "@apollo/client/cache";
import type { TodokuCache } from "./cache.ts";
import type { Stop } from "./changes.ts";
import type { Environment } from "./environment.ts";
import type { FeedTarget, RoomChange } from "./feed.ts";
import { RoomPartsFragmentDoc, RoomSeqFragmentDoc, UserPartsFragmentDoc, type MembershipRole } from "./generated/operations.ts";
import type { RoomMessages } from "./messages.ts";
import type { Outbox } from "./outbox.ts";

/**
 * Writes what happens in a room into the cache and its window.
 *
 * What comes in one rush (a replay, a busy minute) is written together: each write lays out the whole window anew, a
 * few milliseconds on a good machine.
 */
export class RoomHappenings implements FeedTarget {
  readonly #environment: Environment;
  readonly #cache: TodokuCache;
  readonly #messages: RoomMessages;
  readonly #outbox: Outbox;
  readonly #roomId: string;
  #pending: RoomChange[] = [];
  #stopWaiting: Stop | null = null;

  constructor(environment: Environment, cache: TodokuCache, messages: RoomMessages, outbox: Outbox) {
    this.#environment = environment;
    this.#cache = cache;
    this.#messages = messages;
    this.#outbox = outbox;
    this.#roomId = messages.roomId;
  }

  apply(change: RoomChange): void {
    this.#pending.push(change);
    // A hidden page's timers may take a minute.
    if (!this.#environment.page.visible) return this.#flush();
    this.#stopWaiting ??= this.#environment.clock.after(0, () => this.#flush());
  }

  stop(): void {
    this.#stopWaiting?.();
    this.#pending = [];
  }

  startAnew(otherHistory: boolean): Promise<boolean> {
    this.#flush();
    return this.#messages.startAnew(otherHistory);
  }

  #flush(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    const changes = this.#pending;
    this.#pending = [];
    this.#cache.batch({
      update: () => {
        for (const change of changes) this.#write(change);
      },
    });
    for (const change of changes) {
      if (change.__typename === "MessageSent") void this.#outbox.arrived(change.message.id);
    }
  }

  #write(change: RoomChange): void {
    this.#cache.writeEntity(RoomSeqFragmentDoc, "RoomSeq", { __typename: "Room", id: this.#roomId, lastSeq: change.seq });
    switch (change.__typename) {
      case "MessageSent":
        this.#cache.writeShared(change.message);
        return this.#messages.arrived(change.message);
      case "MessageEdited":
      case "MessageDeleted":
        this.#cache.writeShared(change.message);
        return this.#messages.wrote();
      case "ReactionsChanged": {
        const { seq, emoji, added, actor, message } = change;
        this.#cache.reactions.follow(message.id, { seq, emoji, added, actorId: actor?.id });
        this.#cache.writeShared(message);
        return this.#messages.wrote();
      }
      case "MemberJoined":
        this.#cache.writeEntity(UserPartsFragmentDoc, "UserParts", change.member);
        return this.#withMember(change.member.id, "MEMBER", change.seq);
      case "MemberLeft":
        return this.#withoutMember(change.member.id, change.seq);
      case "MemberUpdated":
        this.#cache.writeEntity(UserPartsFragmentDoc, "UserParts", change.member);
        return this.#changeMembers(change.seq, 0, (edges) =>
          edges.map((edge) => (isOf(edge, change.member.id) ? { ...edge, role: change.role } : edge)),
        );
      case "RoomUpdated":
        return this.#cache.writeEntity(RoomPartsFragmentDoc, "RoomParts", change.room);
      default:
        // A kind of event that is younger than this page: it was counted, there is nothing to show.
        return change satisfies never;
    }
  }

  #withMember(userId: string, role: MembershipRole, seq: number): void {
    this.#changeMembers(seq, 1, (edges, makeEdge) =>
      edges.some((edge) => isOf(edge, userId)) ? edges : [...edges, makeEdge(userId, role)],
    );
  }

  #withoutMember(userId: string, seq: number): void {
    this.#changeMembers(seq, -1, (edges) => edges.filter((edge) => !isOf(edge, userId)));
  }

  /** `difference`: to the number of members, where the list holds only the first ones and doesn't tell. */
  #changeMembers(
    seq: number,
    difference: number,
    change: (edges: readonly MemberEdge[], makeEdge: (userId: string, role: MembershipRole) => MemberEdge) => readonly MemberEdge[],
  ): void {
    let count = (before: number): number => before + difference;
    this.#cache.modify<{ members: Members }>({
      id: `Room:${this.#roomId}`,
      fields: {
        members: (members, { toReference, isReference }) => {
          if (isReference(members) || members.edges === undefined) return members;
          const edges = change(members.edges, (id, role) => ({ __typename: "MemberEdge", node: toReference(`User:${id}`), role }));
          if (members.pageInfo?.hasNextPage === false) count = () => edges.length;
          return { ...members, edges };
        },
      },
    });
    this.#cache.countMembers(this.#roomId, seq, count);
  }
}

interface MemberEdge {
  readonly __typename: "MemberEdge";
  readonly node: Reference | undefined;
  readonly role: MembershipRole;
}

interface Members {
  readonly edges?: readonly MemberEdge[];
  readonly pageInfo?: { readonly hasNextPage: boolean };
}

function isOf({ node }: MemberEdge, userId: string): boolean {
  return node?.__ref === `User:${userId}`;
}
