/** The list of joined rooms: unread in bold with a count, live. */
import type { Stop } from "./changes.ts";
import { arrange, find, fresh, part, say, show } from "./markup.ts";
import type { Inbox, JoinedRoom } from "./inbox.ts";
import type { User } from "./messages.ts";
import { roomName } from "./people.ts";

const SIGNS = { PUBLIC: "hash", PRIVATE: "lock", DIRECT: "user" } as const;
/** The place of the slug in the address that the server wrote. */
const SLUG = "-slug-";

export class Rooms {
  readonly #nav = find(document, "[data-rooms]", HTMLElement);
  readonly #viewer: User;
  readonly #currentId: string | null;
  readonly #items = new Map<string, { readonly element: HTMLElement; drawn: JoinedRoom | null }>();
  readonly #sprite = find(document, 'meta[name="todoku-sprite"]', HTMLMetaElement).content;
  readonly #title = document.title;
  readonly #stop: Stop;

  constructor(inbox: Inbox, viewer: User, currentId: string | null) {
    this.#viewer = viewer;
    this.#currentId = currentId;
    for (const element of this.#nav.querySelectorAll<HTMLElement>("[data-room-id]")) {
      this.#items.set(element.dataset["roomId"] ?? "", { element, drawn: null });
    }
    this.#draw(inbox.rooms);
    this.#stop = inbox.subscribe((rooms) => this.#draw(rooms));
  }

  stop(): void {
    this.#stop();
  }

  #draw(rooms: readonly JoinedRoom[]): void {
    const shared: HTMLElement[] = [];
    const direct: HTMLElement[] = [];
    for (const joined of rooms) (joined.room.visibility === "DIRECT" ? direct : shared).push(this.#item(joined));
    const ids = new Set(rooms.map(({ room }) => room.id));
    for (const id of this.#items.keys()) if (!ids.has(id)) this.#items.delete(id);
    arrange(part(this.#nav, "shared"), shared);
    arrange(part(this.#nav, "direct"), direct);
    const waiting = rooms.filter(({ room, unread }) => unread > 0 && room.id !== this.#currentId).length;
    document.title = waiting > 0 ? `(${waiting}) ${this.#title}` : this.#title;
  }

  #item(joined: JoinedRoom): HTMLElement {
    const { room } = joined;
    const item = this.#items.get(room.id) ?? { element: fresh("room-template"), drawn: null };
    this.#items.set(room.id, item);
    if (item.drawn !== joined) this.#drawItem(item.element, joined);
    item.drawn = joined;
    return item.element;
  }

  #drawItem(element: HTMLElement, { room, unread, mentions }: JoinedRoom): void {
    const link = part(element, "link", HTMLAnchorElement);
    const current = room.id === this.#currentId;
    // What is on the page is being read: its count would flicker with every message.
    const shown = current ? 0 : unread;
    element.dataset["roomId"] = room.id;
    link.href = (this.#nav.dataset["roomUrl"] ?? "").replace(SLUG, encodeURIComponent(room.slug));
    link.classList.toggle("rooms__link--unread", shown > 0);
    link.classList.toggle("rooms__link--muted", room.viewerMembership?.notify === "NOTHING");
    if (current) link.setAttribute("aria-current", "page");
    part(element, "sign", SVGUseElement).setAttribute("href", `${this.#sprite}#${SIGNS[room.visibility]}`);
    say(part(element, "name"), roomName(room, this.#viewer));
    show(part(element, "mention"), !current && mentions > 0);
    if (show(part(element, "unread"), shown > 0)) say(part(element, "count"), String(shown));
  }
}
