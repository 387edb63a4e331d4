/** The room as the viewer finds it: its name and topic, whether one may write, and the room's settings. */
import type { ApolloClient } from "@apollo/client/core";
import { Changes, type Stop } from "./changes.ts";
import type { TodokuCache } from "./cache.ts";
import type { Composer } from "./composer.ts";
import { dialog } from "./dialogs.ts";
import {
  type JoinedRoomPartsFragment,
  JoinedRoomPartsFragmentDoc,
  UpdateRoomDocument,
  type RoomVisibility,
} from "./generated/operations.ts";
import { find, on, part, say, show } from "./markup.ts";
import type { User } from "./messages.ts";
import { inFull, timeOfDay } from "./moments.ts";
import { roomName } from "./people.ts";
import { problemInWords } from "./problem.ts";
import { words } from "./words.ts";

/** How often a pause that a moderator asked for is looked at. */
const MUTE_LOOK_MS = 5000;

export class Standing {
  readonly changed = new Changes<JoinedRoomPartsFragment>();
  readonly #apollo: ApolloClient;
  readonly #viewer: User;
  readonly #composer: Composer;
  readonly #readOnly = find(document, "[data-read-only]", HTMLElement);
  readonly #settings = dialog("settings");
  readonly #stops: Stop[] = [];
  #room: JoinedRoomPartsFragment | null = null;
  #ended = false;

  constructor(apollo: ApolloClient, cache: TodokuCache, viewer: User, roomId: string, composer: Composer) {
    this.#apollo = apollo;
    this.#viewer = viewer;
    this.#composer = composer;
    const watched = cache
      .watchFragment<JoinedRoomPartsFragment>({
        fragment: JoinedRoomPartsFragmentDoc,
        fragmentName: "JoinedRoomParts",
        from: { __typename: "Room", id: roomId },
      })
      .subscribe(({ data, dataState }) => {
        if (dataState === "complete") this.#draw(data as JoinedRoomPartsFragment);
      });
    const stopped = new AbortController();
    on(find(document, "[data-open-settings]", HTMLElement), "click", stopped.signal, () => this.#openSettings());
    const form = find(this.#settings, "form", HTMLFormElement);
    on(form, "submit", stopped.signal, (event) => {
      event.preventDefault();
      void this.#saveSettings(form);
    });
    for (const close of this.#settings.querySelectorAll<HTMLElement>("[data-close]")) {
      on(close, "click", stopped.signal, () => this.#settings.close());
    }
    const timer = window.setInterval(() => this.#room?.viewerMembership?.mutedUntil && this.#drawWriting(), MUTE_LOOK_MS);
    this.#stops.push(
      () => watched.unsubscribe(),
      () => stopped.abort(),
      () => window.clearInterval(timer),
    );
  }

  get room(): JoinedRoomPartsFragment | null {
    return this.#room;
  }

  get role(): "MEMBER" | "MODERATOR" | "OWNER" | null {
    return this.#room?.viewerMembership?.role ?? null;
  }

  get mayWrite(): boolean {
    return this.#composer.shown;
  }

  get mayModerate(): boolean {
    return !this.#ended && (this.role === "MODERATOR" || this.role === "OWNER");
  }

  /** The feed has ended: the viewer may no longer read the room. */
  end(): void {
    this.#ended = true;
    this.#drawWriting();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #draw(room: JoinedRoomPartsFragment): void {
    this.#room = room;
    say(find(document, "[data-room-name]", HTMLElement), roomName(room, this.#viewer));
    const topic = find(document, "[data-room-topic]", HTMLElement);
    say(topic, room.topic);
    show(topic, room.topic !== "");
    const direct = room.visibility === "DIRECT";
    show(find(document, "[data-open-settings]", HTMLElement), this.role === "OWNER" && !direct);
    show(find(document, "[data-leave]", HTMLElement), this.role !== null && !direct);
    for (const count of document.querySelectorAll("[data-member-count]")) say(count, String(room.memberCount));
    this.#drawWriting();
    this.changed.emit(room);
  }

  #drawWriting(): void {
    const why = this.#whyNot();
    const member = this.role !== null;
    show(this.#readOnly, why !== null);
    if (why !== null) say(this.#readOnly, why);
    this.#composer.shown = member && why === null;
    show(find(document, "[data-join]", HTMLElement), !member && !this.#ended && this.#room?.visibility === "PUBLIC");
  }

  /** Why a member can't write here now; null where they can. */
  #whyNot(): string | null {
    if (this.#ended) return words.removed;
    const room = this.#room;
    if (room === null || room.viewerMembership === null) return null;
    if (room.archivedAt !== null) return words.archived(inFull(new Date(room.archivedAt)));
    const { mutedUntil } = room.viewerMembership;
    if (mutedUntil === null || Date.parse(mutedUntil) <= Date.now()) return null;
    return words.muted(timeOfDay(new Date(mutedUntil)));
  }

  #openSettings(): void {
    const room = this.#room;
    if (room === null) return;
    const form = find(this.#settings, "form", HTMLFormElement);
    find(form, '[name="name"]', HTMLInputElement).value = room.name;
    find(form, '[name="topic"]', HTMLInputElement).value = room.topic;
    find(form, `[name="visibility"][value="${room.visibility}"]`, HTMLInputElement).checked = true;
    find(form, '[name="archived"]', HTMLInputElement).checked = room.archivedAt !== null;
    show(part(form, "problem"), false);
    this.#settings.showModal();
  }

  async #saveSettings(form: HTMLFormElement): Promise<void> {
    const room = this.#room;
    if (room === null) return;
    const given = new FormData(form);
    const input = {
      roomId: room.id,
      name: String(given.get("name")),
      topic: String(given.get("topic")),
      visibility: String(given.get("visibility")) as RoomVisibility,
      archived: given.has("archived"),
      opId: crypto.randomUUID(),
    };
    try {
      await this.#apollo.mutate({ mutation: UpdateRoomDocument, variables: { input } });
      this.#settings.close();
    } catch (error) {
      const problem = part(form, "problem");
      say(problem, problemInWords(error));
      show(problem, true);
    }
  }
}
