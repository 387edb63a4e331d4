/** What can be done with a message: one bar, at the message under the pointer, the focus or the finger. */
import type { Stop } from "./changes.ts";
import { find, fresh, isShown, on, part, show } from "./markup.ts";
import { refusedOperation } from "./message.ts";
import type { Entry, User } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { Timeline } from "./timeline.ts";

const LONG_PRESS_MS = 450;
const LONG_PRESS_SLACK_PX = 10;

/** What a message's bar needs of the rest of the page. */
export interface ToolbarOptions {
  readonly viewer: User;
  readonly mayWrite: () => boolean;
  readonly mayModerate: () => boolean;
  readonly reply: (entry: Entry) => void;
  readonly edit: (entry: Entry) => void;
  /** Asks, and tells whether to go on. */
  readonly confirmDeletion: (entry: Entry) => Promise<boolean>;
  readonly leave: () => void;
}

export class Toolbar {
  readonly #timeline: Timeline;
  readonly #outbox: Outbox;
  readonly #options: ToolbarOptions;
  readonly #bar = fresh("toolbar-template");
  readonly #stopped = new AbortController();
  #message: HTMLElement | null = null;
  #press: Stop | null = null;
  /** Whether a finger was the last to touch the list. */
  #touched = false;

  constructor(timeline: Timeline, outbox: Outbox, options: ToolbarOptions) {
    this.#timeline = timeline;
    this.#outbox = outbox;
    this.#options = options;
    const { signal } = this.#stopped;
    const { list } = timeline;
    on(list, "pointerover", signal, (event) => {
      if (event.pointerType === "mouse" && !this.#inUse()) this.#moveTo(messageAt(event.target));
    });
    on(list, "pointerleave", signal, (event) => {
      if (event.pointerType === "mouse" && !this.#inUse()) this.#moveTo(messageAt(document.activeElement));
    });
    on(list, "focusin", signal, (event) => {
      // A tap focuses too, but a finger asks by a long press.
      if (!this.#touched || this.#bar.contains(event.target as Node)) this.#moveTo(messageAt(event.target));
    });
    on(list, "focusout", signal, (event) => {
      if (!(event.relatedTarget instanceof Node && list.contains(event.relatedTarget))) this.#moveTo(null);
    });
    on(list, "pointerdown", signal, (event) => {
      this.#touched = event.pointerType !== "mouse";
      if (this.#touched) this.#beginPress(event);
    });
    on(list, "keydown", signal, () => void (this.#touched = false));
    for (const end of ["pointerup", "pointercancel"] as const) on(list, end, signal, () => this.#endPress());
    on(list, "click", signal, (event) => this.#click(event));
    on(list, "keydown", signal, (event) => this.#key(event));
    const view = find(document, "[data-timeline-view]", HTMLElement);
    on(view, "keydown", signal, (event) => event.target === view && this.#enterList(event));
    document.addEventListener("pointerdown", (event) => this.#outside(event), { signal });
    on(this.#other, "change", signal, () => this.#reactWithOther());
    on(this.#other, "input", signal, () => /\p{Extended_Pictographic}/u.test(this.#other.value) && this.#reactWithOther());
  }

  stop(): void {
    this.#stopped.abort();
    this.#endPress();
    this.#bar.remove();
  }

  get #other(): HTMLInputElement {
    return part(this.#bar, "other", HTMLInputElement);
  }

  get #entry(): Entry | null {
    return this.#timeline.entry(this.#message?.dataset["messageId"] ?? "");
  }

  /** Whether moving the bar would take it from under somebody's hands. */
  #inUse(): boolean {
    return this.#bar.contains(document.activeElement) || isShown(part(this.#bar, "emoji"));
  }

  #moveTo(message: HTMLElement | null): void {
    if (message === this.#message) return;
    this.#message?.classList.remove("message--active");
    this.#message = message;
    this.#chooseReaction(false);
    const entry = this.#entry;
    if (message === null || entry === null || entry.message.deletedAt !== null || !this.#offer(entry)) {
      this.#bar.remove();
      return;
    }
    message.classList.add("message--active");
    message.append(this.#bar);
  }

  /** Show what this person may do with this message; false where that is nothing. */
  #offer(entry: Entry): boolean {
    const stored = entry.delivery.kind === "stored";
    const mine = entry.message.author?.id === this.#options.viewer.id;
    const mayWrite = this.#options.mayWrite();
    const offered: Readonly<Record<string, boolean>> = {
      "choose-reaction": stored && mayWrite,
      reply: stored && mayWrite,
      copy: true,
      edit: mine && mayWrite && entry.delivery.kind !== "failed",
      delete: (mine && mayWrite) || (stored && this.#options.mayModerate()),
    };
    for (const [name, is] of Object.entries(offered)) {
      show(find(this.#bar, `[data-do="${name}"]`, HTMLElement), is);
    }
    return Object.values(offered).some((is) => is);
  }

  #click(event: MouseEvent): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
    const message = messageAt(event.target);
    const entry = this.#timeline.entry(message?.dataset["messageId"] ?? "");
    if (button !== null && entry !== null) void this.#do(button.dataset["do"] ?? "", entry, button.dataset["emoji"] ?? "");
  }

  async #do(what: string, entry: Entry, emoji: string): Promise<void> {
    const { id, roomId, body } = entry.message;
    switch (what) {
      case "react":
      case "toggle-reaction":
        this.#toggleReaction(entry, emoji);
        break;
      case "choose-reaction":
        this.#chooseReaction(!isShown(part(this.#bar, "emoji")));
        break;
      case "reply":
        this.#options.reply(entry);
        break;
      case "edit":
        this.#options.edit(entry);
        break;
      case "copy":
        await navigator.clipboard.writeText(body);
        this.#chooseReaction(false);
        break;
      case "delete":
        if (await this.#options.confirmDeletion(entry)) this.#outbox.delete(roomId, id);
        break;
      case "retry":
      case "discard": {
        const refused = refusedOperation(entry);
        if (refused !== null) await this.#outbox[what](refused.id);
        break;
      }
    }
  }

  #toggleReaction({ message: { id, roomId, reactions } }: Entry, emoji: string): void {
    this.#chooseReaction(false);
    if (!this.#options.mayWrite() || emoji === "") return;
    const mine = reactions.some((reaction) => reaction.emoji === emoji && reaction.viewerReacted);
    if (mine) this.#outbox.removeReaction(roomId, id, emoji);
    else this.#outbox.addReaction(roomId, id, emoji);
  }

  #reactWithOther(): void {
    const entry = this.#entry;
    const emoji = this.#other.value.trim();
    if (entry !== null && emoji !== "") this.#toggleReaction(entry, emoji);
  }

  #chooseReaction(open: boolean): void {
    const choice = part(this.#bar, "emoji");
    if (open === isShown(choice)) return;
    const held = choice.contains(document.activeElement);
    show(choice, open);
    find(this.#bar, '[data-do="choose-reaction"]', HTMLElement).setAttribute("aria-expanded", String(open));
    this.#other.value = "";
    if (open) find(choice, "button", HTMLElement).focus();
    else if (held) this.#message?.focus({ preventScroll: true });
  }

  #key(event: KeyboardEvent): void {
    const message = messageAt(event.target);
    if (message === null) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      if (isShown(part(this.#bar, "emoji"))) this.#chooseReaction(false);
      else if (event.target !== message) message.focus({ preventScroll: true });
      else this.#options.leave();
      return;
    }
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (this.#bar.contains(document.activeElement)) this.#moveAlong(event, event.key === "ArrowRight" ? 1 : -1);
      return;
    }
    if (event.target !== message || event.ctrlKey || event.metaKey || event.altKey) return;
    const step: Readonly<Record<string, HTMLElement | null>> = {
      ArrowUp: neighbour(message, "previousElementSibling"),
      ArrowDown: neighbour(message, "nextElementSibling"),
    };
    const next = step[event.key];
    if (next !== undefined) {
      event.preventDefault();
      if (next === null) {
        if (event.key === "ArrowDown") this.#options.leave();
        return;
      }
      next.focus();
      return;
    }
    const name = { r: "reply", e: "edit", c: "copy", "+": "choose-reaction", Delete: "delete" }[event.key];
    if (name === undefined) return;
    const button = this.#bar.querySelector<HTMLElement>(`[data-do="${name}"]`);
    if (button === null || !isShown(button) || !this.#bar.isConnected) return;
    event.preventDefault();
    button.click();
  }

  /** Among the bar's buttons: the arrows, as in every toolbar. */
  #moveAlong(event: KeyboardEvent, by: number): void {
    const buttons = [...this.#bar.querySelectorAll<HTMLElement>("button, input")].filter((one) => one.offsetParent !== null);
    const at = buttons.findIndex((one) => one === document.activeElement);
    if (document.activeElement === this.#other && this.#other.value !== "") return;
    event.preventDefault();
    buttons[(at + by + buttons.length) % buttons.length]?.focus();
  }

  #enterList(event: KeyboardEvent): void {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const rows = [...this.#timeline.list.querySelectorAll<HTMLElement>("[data-message-id]")];
    const last = rows.findLast((row) => this.#timeline.place.sees(row));
    if (last === undefined) return;
    event.preventDefault();
    last.focus({ preventScroll: true });
  }

  #beginPress(event: PointerEvent): void {
    this.#endPress();
    const message = messageAt(event.target);
    if (message === null || (event.target instanceof Element && event.target.closest("button, a, input"))) return;
    const timer = window.setTimeout(() => {
      this.#endPress();
      this.#moveTo(message);
    }, LONG_PRESS_MS);
    const { clientX, clientY } = event;
    const moved = new AbortController();
    on(
      this.#timeline.list,
      "pointermove",
      moved.signal,
      (move) => {
        if (Math.hypot(move.clientX - clientX, move.clientY - clientY) > LONG_PRESS_SLACK_PX) this.#endPress();
      },
      { passive: true },
    );
    this.#press = () => {
      window.clearTimeout(timer);
      moved.abort();
    };
  }

  #endPress(): void {
    this.#press?.();
    this.#press = null;
  }

  #outside(event: PointerEvent): void {
    if (this.#message === null || (event.target instanceof Node && this.#bar.contains(event.target))) return;
    if (event.pointerType === "mouse" && this.#timeline.list.contains(event.target as Node)) {
      this.#chooseReaction(false);
      return;
    }
    this.#moveTo(null);
  }
}

function messageAt(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-message-id]") : null;
}

function neighbour(message: HTMLElement, side: "previousElementSibling" | "nextElementSibling"): HTMLElement | null {
  for (let at = message[side]; at !== null; at = at[side]) {
    if (at instanceof HTMLElement && at.hasAttribute("data-message-id")) return at;
  }
  return null;
}
