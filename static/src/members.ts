/** The panel at the right: who is in the room, and what one may do about it. */
import { randomUUID } from "./browser.ts";
import type { Stop } from "./changes.ts";
import type { Todoku } from "./client.ts";
import type { RoomDetailsView } from "./details.ts";
import { ask } from "./dialogs.ts";
import {
  AddMemberDocument,
  FindPersonDocument,
  type MembershipRole,
  RemoveMemberDocument,
  SetRoleDocument,
} from "./generated/operations.ts";
import { arrange, find, fresh, isShown, on, part, say, show } from "./markup.ts";
import type { User } from "./messages.ts";
import { drawAvatar, shownName } from "./people.ts";
import { problemInWords } from "./problem.ts";
import type { RoomSignals } from "./signals.ts";
import type { Standing } from "./standing.ts";
import { words } from "./words.ts";

type Member = RoomDetailsView["members"]["edges"][number];

/** The place of the user name in the address that the server wrote. */
const USERNAME = "-username-";
const PLACE = "#members";

export class Members {
  readonly #apollo: Todoku["apollo"];
  readonly #viewer: User;
  readonly #roomId: string;
  readonly #signals: RoomSignals;
  readonly #standing: Standing;
  readonly #panel = find(document, "[data-panel]", HTMLElement);
  readonly #list = find(this.#panel, "[data-members]", HTMLElement);
  readonly #form = find(this.#panel, "[data-add-member]", HTMLFormElement);
  readonly #rows = new Map<string, HTMLElement>();
  readonly #stops: Stop[] = [];
  /** There the panel is a page of its own, and the browser's back closes it. */
  readonly #phone = matchMedia("(width < 720px)");
  #opener: HTMLElement | null = null;

  constructor(apollo: Todoku["apollo"], viewer: User, roomId: string, signals: RoomSignals, standing: Standing) {
    this.#apollo = apollo;
    this.#viewer = viewer;
    this.#roomId = roomId;
    this.#signals = signals;
    this.#standing = standing;
    for (const row of this.#list.querySelectorAll<HTMLElement>("[data-user-id]")) {
      this.#rows.set(row.dataset["userId"] ?? "", row);
    }
    const stopped = new AbortController();
    const { signal } = stopped;
    for (const opener of document.querySelectorAll<HTMLElement>("[data-open-members]")) {
      on(opener, "click", signal, () => (isShown(this.#panel) ? this.close() : this.#open(opener)));
    }
    window.addEventListener("hashchange", () => location.hash !== PLACE && this.#put(false), { signal });
    on(find(this.#panel, "[data-close-panel]", HTMLElement), "click", signal, () => this.close());
    on(this.#panel, "keydown", signal, (event) => event.key === "Escape" && !event.defaultPrevented && this.close());
    on(this.#list, "click", signal, (event) => this.#click(event));
    on(this.#form, "submit", signal, (event) => {
      event.preventDefault();
      void this.#add();
    });
    this.#stops.push(
      () => stopped.abort(),
      standing.changed.subscribe(() => isShown(this.#panel) && this.#draw()),
      signals.subscribe(() => isShown(this.#panel) && this.#draw()),
    );
  }

  close(): void {
    if (location.hash === PLACE) history.back();
    else this.#put(false);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #open(opener: HTMLElement): void {
    this.#opener = opener;
    if (this.#phone.matches) location.hash = PLACE;
    this.#put(true);
  }

  #put(open: boolean): void {
    if (open === isShown(this.#panel)) return;
    show(this.#panel, open);
    this.#opener?.setAttribute("aria-expanded", String(open));
    if (open) this.#draw();
    (open ? find(this.#panel, "[data-close-panel]", HTMLElement) : this.#opener)?.focus();
  }

  #draw(): void {
    const { members, memberCount, visibility } = this.#standing.room;
    show(this.#form, this.#standing.mayModerate && visibility !== "DIRECT");
    arrange(this.#list, members.edges.map((member) => this.#row(member)));
    const further = memberCount - members.edges.length;
    const rest = find(this.#panel, "[data-members-rest]", HTMLElement);
    if (show(rest, further > 0)) say(rest, words.furtherMembers(further));
  }

  #row({ node: person, role }: Member): HTMLElement {
    const row = this.#rows.get(person.id) ?? fresh("member-template");
    this.#rows.set(person.id, row);
    row.dataset["userId"] = person.id;
    drawAvatar(part(row, "avatar"), person);
    say(part(row, "name"), shownName(person));
    say(part(row, "username"), `@${person.username}`);
    const presence = this.#signals.view.presence.get(person.id);
    const about = [words.role[role], presence === undefined ? "" : words.presence[presence]];
    say(part(row, "role"), about.filter((word) => word !== "").join(" · "));
    const menu = part(row, "menu");
    if (!show(menu, person.id !== this.#viewer.id)) return row;
    part(row, "menu-label").setAttribute("aria-label", words.moreAbout(shownName(person)));
    const directUrl = this.#list.dataset["directUrl"] ?? "";
    part(row, "direct", HTMLFormElement).action = directUrl.replace(USERNAME, encodeURIComponent(person.username));
    const direct = this.#standing.room.visibility === "DIRECT";
    const owner = this.#standing.role === "OWNER" && !direct;
    const offered = {
      "make-member": owner && role !== "MEMBER",
      "make-moderator": owner && role !== "MODERATOR",
      "make-owner": owner && role !== "OWNER",
      remove: owner || (this.#standing.mayModerate && role === "MEMBER" && !direct),
    };
    for (const [name, is] of Object.entries(offered)) show(find(row, `[data-do="${name}"]`, HTMLElement), is);
    return row;
  }

  #click(event: MouseEvent): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
    const userId = button?.closest<HTMLElement>("[data-user-id]")?.dataset["userId"];
    const member = this.#standing.room.members.edges.find(({ node }) => node.id === userId);
    if (button === null || member === undefined) return;
    button.closest("details")?.removeAttribute("open");
    const roles: Readonly<Record<string, MembershipRole>> = {
      "make-member": "MEMBER",
      "make-moderator": "MODERATOR",
      "make-owner": "OWNER",
    };
    const role = roles[button.dataset["do"] ?? ""];
    void this.#attempt(() => (role === undefined ? this.#remove(member.node) : this.#setRole(member.node, role)));
  }

  async #setRole({ id }: User, role: MembershipRole): Promise<void> {
    const apollo = await this.#apollo();
    const input = { roomId: this.#roomId, userId: id, role, opId: randomUUID() };
    await apollo.mutate({ mutation: SetRoleDocument, variables: { input } });
  }

  async #remove(person: User): Promise<void> {
    const name = shownName(person);
    if (!(await ask({ title: words.removeTitle(name), words: words.removeWords, yes: words.remove }))) return;
    const apollo = await this.#apollo();
    const input = { roomId: this.#roomId, userId: person.id, opId: randomUUID() };
    await apollo.mutate({ mutation: RemoveMemberDocument, variables: { input } });
  }

  async #add(): Promise<void> {
    const field = find(this.#form, "input[name=username]", HTMLInputElement);
    const username = field.value.trim().replace(/^@/, "");
    await this.#attempt(async () => {
      const apollo = await this.#apollo();
      const { data } = await apollo.query({
        query: FindPersonDocument,
        variables: { username },
        fetchPolicy: "no-cache",
      });
      if (!data?.user) {
        this.#tell(words.nobodyOfThatName);
        return;
      }
      const input = { roomId: this.#roomId, userId: data.user.id, opId: randomUUID() };
      await apollo.mutate({ mutation: AddMemberDocument, variables: { input } });
      field.value = "";
    });
  }

  async #attempt(what: () => Promise<void>): Promise<void> {
    this.#tell("");
    try {
      await what();
    } catch (error) {
      this.#tell(problemInWords(error));
    }
  }

  #tell(problem: string): void {
    const told = find(this.#panel, "[data-panel-problem]", HTMLElement);
    if (show(told, problem !== "")) say(told, problem);
  }
}
