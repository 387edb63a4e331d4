import { InMemoryCache, type FieldMergeFunction, type Reference, type StoreObject } from "@apollo/client/cache";
import type { Cache, OperationVariables, TypedDocumentNode, Unmasked } from "@apollo/client";
import { isRecord } from "./endpoint.ts";
import {
  CachedMessagePartsFragmentDoc,
  type CachedMessagePartsFragment,
  type MessagePartsFragment,
} from "./generated/operations.ts";
import { OwnReactions } from "./reactions.ts";

/** The fields that an entity's `version` speaks of; "all" but its key. */
const VERSIONED: Readonly<Record<string, "all" | ReadonlySet<string>>> = {
  Message: "all",
  User: "all",
  Room: new Set(["version", "slug", "name", "topic", "visibility", "archivedAt"]),
};
const KEYS: ReadonlySet<string> = new Set(["__typename", "id"]);
const NOTHING: ReadonlyMap<string, unknown> = new Map();

/**
 * The normalised cache, guarded by version: what is older than what it has does not overwrite it.
 *
 * Responses, pages and events overtake each other. Apollo calls no type policy's `merge` for a normalised entity, and
 * a field's merge can't see its siblings, so the guard stands before every write.
 */
export class TodokuCache extends InMemoryCache {
  readonly reactions: OwnReactions;
  /** By room, the seq that its `memberCount` is of: the one number that has no version, and sinks as well. */
  readonly #counted = new Map<string, number>();
  #guarded = true;

  constructor(viewerId: string) {
    super();
    this.reactions = new OwnReactions(viewerId);
    const highest: FieldMergeFunction<number> = (existing, incoming) =>
      existing === undefined || !this.#guarded ? incoming : Math.max(existing, incoming);
    const together: FieldMergeFunction<object> = (existing, incoming) => ({ ...existing, ...incoming });
    this.policies.addTypePolicies({
      Query: {
        fields: {
          room: (existing: Reference | undefined, { args, toReference }) =>
            typeof args?.["id"] === "string" ? toReference({ __typename: "Room", id: args["id"] }) : existing,
          rooms: { keyArgs: ["joined", "query"] },
        },
      },
      Room: {
        fields: {
          lastSeq: { merge: highest },
          messageCount: { merge: highest },
          // It has no key of its own: the room's is its.
          viewerMembership: {
            merge: (existing: StoreObject | null | undefined, incoming: StoreObject | null, { mergeObjects }) => {
              if (existing === null || existing === undefined || incoming === null) return incoming;
              return this.#guarded && isOlder(incoming, existing) ? existing : mergeObjects(existing, incoming);
            },
          },
          // The window that RoomMessages keeps, whatever part of the room an operation asked for.
          messages: { keyArgs: false, merge: (_: unknown, incoming: unknown) => incoming },
          members: { keyArgs: false, merge: together },
        },
      },
    });
  }

  /** Write what a query or mutation of the viewer's own brought. */
  writeOwn(message: CachedMessagePartsFragment): void {
    this.reactions.learn(message);
    this.writeEntity(CachedMessagePartsFragmentDoc, "CachedMessageParts", message);
  }

  /** Write what an event brought, which is the same for everybody. */
  writeShared(message: MessagePartsFragment): void {
    this.writeEntity(CachedMessagePartsFragmentDoc, "CachedMessageParts", this.reactions.complete(message));
  }

  /** Write an entity by a fragment of it. Apollo keeps what was written so for ever; here what nothing shows may go. */
  writeEntity<Data extends object>(fragment: TypedDocumentNode<Data>, fragmentName: string, data: Data): void {
    const reference = this.writeFragment({ fragment, fragmentName, data: data as Unmasked<Data> });
    if (reference !== undefined) this.release(reference.__ref);
  }

  /** The room's members changed at `seq`: count them, where that isn't in their number already. */
  countMembers(roomId: string, seq: number, count: (before: number) => number): void {
    if (seq <= (this.#counted.get(roomId) ?? 0)) return;
    this.#counted.set(roomId, seq);
    this.modify<{ memberCount: number }>({ id: `Room:${roomId}`, fields: { memberCount: (before) => count(before) } });
  }

  /** Run `write` without the guard: the history is another one, and what it says counts however low its versions. */
  writeAnew(write: () => void): void {
    this.#guarded = false;
    try {
      write();
    } finally {
      this.#guarded = true;
    }
  }

  override write<Data = unknown, Given extends OperationVariables = OperationVariables>(
    options: Cache.WriteOptions<Data, Given>,
  ): Reference | undefined {
    // The same shape, with the older parts left out: Apollo's types can't say that.
    return super.write({ ...options, result: this.#withoutOlder(options.result) as typeof options.result });
  }

  override gc(options?: { resetResultCache?: boolean }): string[] {
    const gone = super.gc(options);
    for (const id of gone) if (id.startsWith("Message:")) this.reactions.forget(id.slice("Message:".length));
    return gone;
  }

  /** `value` without the fields of entities that the cache has newer. What is missing in the cache is filled all the same. */
  #withoutOlder(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((part) => this.#withoutOlder(part));
    if (!isRecord(value)) return value;
    const stored = this.#newerThan(value);
    if (typeof value["memberCount"] === "number" && typeof value["lastSeq"] === "number" && !stored.has("memberCount")) {
      this.#counted.set(String(value["id"]), value["lastSeq"]);
    }
    const kept = Object.entries(value).filter(([name, field]) => !this.#isCovered(name, field, stored));
    return Object.fromEntries(kept.map(([name, field]) => [name, this.#withoutOlder(field)]));
  }

  /** The stored fields that `value`, an older state of the same entity, may not touch; none where it isn't older. */
  #newerThan(value: Record<string, unknown>): ReadonlyMap<string, unknown> {
    const covered = typeof value["__typename"] === "string" ? VERSIONED[value["__typename"]] : undefined;
    if (!this.#guarded || covered === undefined || typeof value["version"] !== "number") return NOTHING;
    const id = String(value["id"]);
    const stored = this.#fieldsOf(`${String(value["__typename"])}:${id}`);
    const isOld = isLess(value["version"], stored.get("version"));
    const isCountOld = isLess(value["lastSeq"], this.#counted.get(id));
    return new Map(
      [...stored].filter(([name]) =>
        name === "memberCount" ? isCountOld : isOld && !KEYS.has(name) && (covered === "all" || covered.has(name)),
      ),
    );
  }

  /** Whether `stored` has the field. The same entity again is let through: its own version decides about it. */
  #isCovered(name: string, field: unknown, stored: ReadonlyMap<string, unknown>): boolean {
    if (!stored.has(name)) return false;
    const there = stored.get(name);
    if (!isRecord(there) || typeof there["__ref"] !== "string" || !isRecord(field)) return true;
    return there["__ref"] !== `${String(field["__typename"])}:${String(field["id"])}`;
  }

  #fieldsOf(id: string): ReadonlyMap<string, unknown> {
    const fields = new Map<string, unknown>();
    // Apollo's one public way to see what an entity has: a modification that changes nothing.
    this.modify({
      id,
      broadcast: false,
      fields: (value, { fieldName }) => {
        fields.set(fieldName, value);
        return value;
      },
    });
    return fields;
  }
}

function isOlder(incoming: StoreObject, existing: StoreObject): boolean {
  return isLess(incoming["version"], existing["version"]);
}

function isLess(one: unknown, other: unknown): boolean {
  return typeof one === "number" && typeof other === "number" && one < other;
}
