/** Where one writes: sends, answers and edits; keeps what is written until it is safe elsewhere. */
import type { Stop } from "./changes.ts";
import { Composition } from "./composition.ts";
import { type About, type Draft, DraftStore, EMPTY } from "./draft.ts";
import { find, isShown, on, part, say, show } from "./markup.ts";
import { excerpt } from "./message.ts";
import type { Entry, User } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { shownName } from "./people.ts";
import type { RoomSignals } from "./signals.ts";
import { words } from "./words.ts";

/** How near the limit the characters left are told. */
const TELL_LEFT_FROM = 500;

export interface ComposerOptions {
  readonly viewer: User;
  readonly roomId: string;
  /** One's own last message in view, for ↑ in an empty composer. */
  readonly lastOwn: () => Entry | null;
  readonly sent: () => void;
}

export class Composer {
  readonly #form = find(document, "[data-composer]", HTMLFormElement);
  readonly #text = part(this.#form, "text", HTMLTextAreaElement);
  readonly #outbox: Outbox;
  readonly #signals: RoomSignals;
  readonly #options: ComposerOptions;
  readonly #drafts: DraftStore;
  readonly #stops: Stop[] = [];
  readonly #composition: Composition;
  readonly #limit: number;
  /** On a touch screen's keyboard Enter breaks the line: the button sends. */
  readonly #touch = matchMedia("(pointer: coarse)");
  #about: About | null = null;
  #aside: Draft["aside"] = null;

  constructor(outbox: Outbox, signals: RoomSignals, options: ComposerOptions) {
    this.#outbox = outbox;
    this.#signals = signals;
    this.#options = options;
    this.#limit = Number(this.#form.dataset["limit"]);
    this.#drafts = new DraftStore(options.viewer.id, options.roomId);
    const stopped = new AbortController();
    const { signal } = stopped;
    this.#stops.push(() => stopped.abort());
    this.#composition = new Composition(this.#text, signal);
    this.#text.required = false;
    // What a refused plain form gave back is newer than what the browser kept.
    const refused = this.#text.value;
    this.#put(this.#drafts.load());
    if (refused !== "") this.#text.value = refused;
    this.#textChanged();
    on(this.#form, "submit", signal, (event) => {
      event.preventDefault();
      this.#submit();
    });
    on(this.#text, "keydown", signal, (event) => this.#key(event));
    on(this.#text, "input", signal, () => {
      this.#keep();
      this.#textChanged();
      if (this.#text.value === "" || this.#about?.kind === "edit") this.#signals.notTyping();
      else this.#signals.typing();
    });
    on(part(this.#form, "about-close"), "click", signal, () => this.#leaveAbout());
    this.#stops.push(signals.subscribe(({ typing }) => say(part(this.#form, "typing"), words.typing(typing.map(shownName)))));
  }

  get shown(): boolean {
    return isShown(this.#form);
  }

  set shown(shown: boolean) {
    show(this.#form, shown);
  }

  focus(): void {
    this.#text.focus();
  }

  reply({ message }: Entry): void {
    if (this.#about?.kind === "edit") this.#leaveAbout();
    const name = message.author === null ? words.somebodyWhoLeft : shownName(message.author);
    this.#about = { kind: "reply", messageId: message.id, name, excerpt: excerpt(message.body) };
    this.#aboutChanged();
  }

  edit({ message }: Entry): void {
    if (this.#about?.kind === "edit") this.#leaveAbout();
    this.#aside = { text: this.#text.value, about: this.#about };
    this.#about = { kind: "edit", messageId: message.id, name: "", excerpt: excerpt(message.body) };
    this.#text.value = message.body;
    this.#aboutChanged();
  }

  stop(): void {
    this.#keep();
    for (const stop of this.#stops) stop();
  }

  #key(event: KeyboardEvent): void {
    if (this.#composition.owns(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && (!this.#touch.matches || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#about !== null) {
      event.preventDefault();
      event.stopPropagation();
      this.#leaveAbout();
    } else if (event.key === "ArrowUp" && this.#text.value === "" && this.#about === null) {
      const last = this.#options.lastOwn();
      if (last === null) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  #submit(): void {
    const body = this.#text.value.trimEnd();
    if (body.trim() === "" || this.#left(body) < 0) return;
    const about = this.#about;
    const { roomId } = this.#options;
    const queued =
      about?.kind === "edit"
        ? this.#outbox.edit(roomId, about.messageId, body)
        : this.#outbox.send(roomId, body, about?.messageId ?? null);
    this.#put(this.#aside === null ? EMPTY : { ...this.#aside, aside: null });
    this.#textChanged();
    this.#signals.notTyping();
    // The draft goes only once the outbox has the words: a page that dies between the two has them twice, not never.
    void queued.kept.then(() => this.#keep());
    this.#options.sent();
  }

  #put({ text, about, aside }: Draft): void {
    this.#text.value = text;
    this.#about = about;
    this.#aside = aside;
    this.#drawAbout();
  }

  #leaveAbout(): void {
    if (this.#about?.kind === "edit" && this.#aside !== null) this.#put({ ...this.#aside, aside: null });
    else this.#about = null;
    this.#aboutChanged();
  }

  #aboutChanged(): void {
    this.#drawAbout();
    this.#keep();
    this.#textChanged();
    this.#text.focus();
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
  }

  #drawAbout(): void {
    const about = this.#about;
    say(part(this.#form, "hint"), about?.kind === "edit" ? words.enterSaves : words.enterSends);
    if (!show(part(this.#form, "about"), about !== null) || about === null) return;
    say(part(this.#form, "about-kind"), about.kind === "edit" ? words.editing : words.replyingTo(about.name));
    say(part(this.#form, "about-text"), about.kind === "edit" ? "" : about.excerpt);
  }

  #textChanged(): void {
    const left = this.#left(this.#text.value);
    const told = part(this.#form, "left");
    if (show(told, left < TELL_LEFT_FROM)) say(told, left < 0 ? words.charactersOver(-left) : words.charactersLeft(left));
    told.classList.toggle("composer__left--over", left < 0);
    part(this.#form, "send", HTMLButtonElement).disabled = left < 0;
    this.#grow();
  }

  /** Characters as the server counts them: code points. */
  #left(text: string): number {
    // Cheap while it is far from the limit: a text has at least half as many code points as code units.
    return this.#limit - (text.length > this.#limit - TELL_LEFT_FROM ? Array.from(text).length : text.length);
  }

  /** Where the style sheet's `field-sizing` is not known yet. */
  #grow(): void {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.blockSize = "auto";
    this.#text.style.blockSize = `${this.#text.scrollHeight}px`;
  }

  #keep(): void {
    this.#drafts.save({ text: this.#text.value, about: this.#about, aside: this.#aside });
  }
}
