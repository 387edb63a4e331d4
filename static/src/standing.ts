/** The room as the viewer finds it: its name and topic, whether one may write, and the room's settings. */
import { randomUUID } from "./browser.ts";
import { Changes, type Stop } from "./changes.ts";
import type { Todoku } from "./client.ts";
import type { Composer } from "./composer.ts";
import { dialog } from "./dialogs.ts";
import type { RoomDetails, RoomDetailsView } from "./details.ts";
import { type RoomVisibility, UpdateRoomDocument } from "./generated/operations.ts";
import { find, on, part, say, show } from "./markup.ts";
import { sinceWhen } from "./moments.ts";
import { problemInWords } from "./problem.ts";
import { words } from "./words.ts";

/** How often a pause that a moderator asked for is looked at. */
const MUTE_LOOK_MS = 5000;

export class Standing {
  readonly changed = new Changes<RoomDetailsView>();
  readonly #apollo: Todoku["apollo"];
  readonly #composer: Composer;
  readonly #readOnly = find(document, "[data-read-only]", HTMLElement);
  readonly #settings = dialog("settings");
  readonly #stops: Stop[] = [];
  #room: RoomDetailsView;
  #ended = false;

  constructor(apollo: Todoku["apollo"], details: RoomDetails, composer: Composer) {
    this.#apollo = apollo;
    this.#room = details.view;
    this.#composer = composer;
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
    const timer = window.setInterval(() => this.#room.viewerMembership?.mutedUntil && this.#drawWriting(), MUTE_LOOK_MS);
    this.#stops.push(
      details.subscribe((room) => this.#draw(room)),
      () => stopped.abort(),
      () => window.clearInterval(timer),
    );
    this.#draw(details.view);
  }

  get room(): RoomDetailsView {
    return this.#room;
  }

  get role(): "MEMBER" | "MODERATOR" | "OWNER" | null {
    return this.#room.viewerMembership?.role ?? null;
  }

  get mayWrite(): boolean {
    return this.#composer.shown;
  }

  get mayModerate(): boolean {
    return !this.#ended && (this.role === "MODERATOR" || this.role === "OWNER");
  }

  /** Whether the feed has ended: the viewer may no longer read the room. Who is let in again reads on. */
  set ended(ended: boolean) {
    if (ended === this.#ended) return;
    this.#ended = ended;
    this.#drawWriting();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #draw(room: RoomDetailsView): void {
    this.#room = room;
    // A direct room is called by its members.
    if (room.name !== "") say(find(document, "[data-room-name]", HTMLElement), room.name);
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
    show(find(document, "[data-join]", HTMLElement), !member && !this.#ended && this.#room.visibility === "PUBLIC");
  }

  /** Why a member can't write here now; null where they can. */
  #whyNot(): string | null {
    if (this.#ended) return words.removed;
    const room = this.#room;
    if (room.viewerMembership === null) return null;
    if (room.archivedAt !== null) return words.archived(sinceWhen(new Date(room.archivedAt)));
    const { mutedUntil } = room.viewerMembership;
    if (mutedUntil === null || Date.parse(mutedUntil) <= Date.now()) return null;
    return words.muted(sinceWhen(new Date(mutedUntil)));
  }

  #openSettings(): void {
    const room = this.#room;
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
    const given = new FormData(form);
    const input = {
      roomId: room.id,
      name: String(given.get("name")),
      topic: String(given.get("topic")),
      visibility: String(given.get("visibility")) as RoomVisibility,
      archived: given.has("archived"),
      opId: randomUUID(),
    };
    try {
      const apollo = await this.#apollo();
      await apollo.mutate({ mutation: UpdateRoomDocument, variables: { input } });
      this.#settings.close();
    } catch (error) {
      const problem = part(form, "problem");
      say(problem, problemInWords(error));
      show(problem, true);
    }
  }
}
