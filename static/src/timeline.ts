/** The conversation: which messages, days and lines are shown, and in which order. */
import { Announcer } from "./announcer.ts";
import { Changes, type Stop } from "./changes.ts";
import { arrange, find, fresh, part, say, show } from "./markup.ts";
import { drawMessage, drawSetting, type Setting } from "./message.ts";
import type { Entry, MessagesView, RoomMessages, User } from "./messages.ts";
import { dayName, dayOf } from "./moments.ts";
import { Place } from "./place.ts";
import type { RoomSignals } from "./signals.ts";
import { words } from "./words.ts";

/** Messages of one person within this time stand under one name; chat/templatetags/timeline.py has the same. */
const RUN_LASTS_MS = 5 * 60_000;

/** Where the "new" line comes to stand when a room opens, as a share of the view's height; timeline.css has the same. */
const NEW_LINE_AT = 0.25;
const AIMED_MS = 2000;
const RETRY_MS = 2000;

export interface TimelineOptions {
  readonly viewer: User;
  /** The last seq that was read when the page opened; null where nothing is new. */
  readonly readSeq: number | null;
  /** Whether a message is seen once somebody else has read that far. */
  readonly direct: boolean;
}

interface Row {
  readonly element: HTMLElement;
  entry: Entry | null;
  setting: Setting | null;
}

export class Timeline {
  readonly list = find(document, "[data-timeline-list]", HTMLElement);
  readonly place: Place;
  readonly drawn = new Changes<MessagesView>();
  readonly #messages: RoomMessages;
  readonly #signals: RoomSignals;
  readonly #options: TimelineOptions;
  readonly #section = find(document, ".timeline", HTMLElement);
  readonly #present = find(document, "[data-present]", HTMLButtonElement);
  readonly #announcer: Announcer;
  readonly #rows = new Map<string, Row>();
  readonly #days = new Map<string, HTMLElement>();
  /** Messages that were once the first: what comes above them later takes no name away from under the reader's eyes. */
  readonly #firsts = new Set<string>();
  readonly #newLine = this.list.querySelector<HTMLElement>("[data-new-line]") ?? fresh("new-line-template");
  readonly #stops: Stop[] = [];
  #view: MessagesView;
  /** The "new" line stands before the first message of somebody else after this seq. */
  #newAfter: number | null;
  /** The last seq when the page was left: where the "new" line goes if something comes meanwhile. */
  #leftAt: number | null = null;
  /** The newest seq that stood there while the reader was at the end. */
  #seenSeq = 0;
  #today = dayOf(new Date());
  #isLoading = false;
  /** Runs while a page that could not be fetched is not asked for again. */
  #pause: number | undefined;

  constructor(messages: RoomMessages, signals: RoomSignals, options: TimelineOptions) {
    this.#messages = messages;
    this.#signals = signals;
    this.#options = options;
    this.#view = messages.view;
    this.#newAfter = options.readSeq;
    this.#announcer = new Announcer(options.viewer.id, lastSeq(messages.view));
    const view = find(this.#section, "[data-timeline-view]", HTMLElement);
    this.place = new Place(view, find(this.#section, "[data-timeline-content]", HTMLElement), this.list);
    this.#adopt();
    this.#draw(messages.view);
    this.#seenSeq = options.readSeq ?? lastSeq(messages.view);
    this.#open();
    this.#stops.push(
      messages.subscribe((next) => this.#draw(next)),
      signals.subscribe(() => options.direct && this.#draw(this.#view)),
      this.place.moved.subscribe(() => this.#moved()),
    );
    const stopped = new AbortController();
    const { signal } = stopped;
    this.#stops.push(() => stopped.abort());
    this.#present.addEventListener("click", () => void this.toPresent(), { signal });
    this.list.addEventListener("click", (event) => this.#followQuote(event), { signal });
    window.addEventListener("hashchange", () => void this.#followHash(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
  }

  get view(): MessagesView {
    return this.#view;
  }

  /** Whether the newest message of the room is in sight. */
  get atPresent(): boolean {
    return this.place.atEnd && !this.#view.hasNewer;
  }

  /** The seq of the newest message in the view; 0 where there is none. */
  get lastSeq(): number {
    return lastSeq(this.#view);
  }

  entry(id: string): Entry | null {
    return this.#rows.get(id)?.entry ?? null;
  }

  element(id: string): HTMLElement | null {
    return this.#rows.get(id)?.element ?? null;
  }

  /** Go to the newest messages, whatever lies between. */
  async toPresent(): Promise<void> {
    if (this.#view.hasNewer && !(await this.#messages.toPresent())) return;
    this.place.toEnd();
  }

  /** Show a message with what stands around it, and point at it. */
  async showMessage(id: string): Promise<void> {
    if (this.element(id) === null && !(await this.#messages.showMessage(id))) {
      this.#announcer.say(words.notFound);
      return;
    }
    const element = this.element(id);
    if (element === null) return;
    this.place.show(element, 1 / 3);
    element.focus({ preventScroll: true });
    element.classList.add("message--aimed");
    window.setTimeout(() => element.classList.remove("message--aimed"), AIMED_MS);
  }

  stop(): void {
    window.clearTimeout(this.#pause);
    for (const stop of this.#stops) stop();
    this.place.stop();
  }

  /** Take over what the server rendered, so that nothing of it is drawn again. */
  #adopt(): void {
    for (const element of this.list.querySelectorAll<HTMLElement>("[data-message-id]")) {
      this.#rows.set(element.dataset["messageId"] ?? "", { element, entry: null, setting: null });
    }
    for (const element of this.list.querySelectorAll<HTMLElement>("[data-day]")) element.remove();
    for (const link of this.#section.querySelectorAll("[data-timeline-earlier]")) link.remove();
  }

  #open(): void {
    this.place.toEnd();
    if (location.hash.startsWith("#message-")) void this.#followHash();
    else if (this.#newLine.isConnected) this.place.show(this.#newLine, NEW_LINE_AT);
    this.#moved();
  }

  #draw(view: MessagesView): void {
    this.#view = view;
    this.#keepPlaceOfNew(view);
    const mayAppear = this.#rows.size > 0;
    this.place.hold(() => {
      this.#arrange(view, mayAppear);
      show(find(this.#section, "[data-timeline-beginning]", HTMLElement), !view.hasOlder && view.entries.length > 0);
      show(find(this.#section, "[data-timeline-loading]", HTMLElement), view.loading === "older");
      show(find(this.#section, "[data-timeline-empty]", HTMLElement), view.entries.length === 0 && !view.hasOlder);
    });
    if (!view.hasNewer) this.#announcer.tell(view.entries);
    this.#moved();
    this.drawn.emit(view);
  }

  #arrange(view: MessagesView, mayAppear: boolean): void {
    const wanted: Element[] = [];
    const kept = new Set<string>();
    const days = new Set<string>();
    let previous: Entry | null = null;
    let newIsMarked = this.#newAfter === null;
    for (const entry of view.entries) {
      const day = dayOf(new Date(entry.message.createdAt));
      const beginsDay = previous === null || dayOf(new Date(previous.message.createdAt)) !== day;
      if (beginsDay && !days.has(day)) {
        days.add(day);
        wanted.push(this.#day(day, entry));
      }
      if (previous === null) this.#firsts.add(entry.message.id);
      const beginsNew = !newIsMarked && this.#isNew(entry);
      if (beginsNew) {
        newIsMarked = true;
        wanted.push(this.#newLine);
      }
      const setting = this.#setting(entry, beginsDay || beginsNew ? null : previous);
      wanted.push(this.#row(entry, setting, mayAppear));
      kept.add(entry.message.id);
      previous = entry;
    }
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    for (const id of this.#firsts) if (!kept.has(id)) this.#firsts.delete(id);
    for (const day of this.#days.keys()) if (!days.has(day)) this.#days.delete(day);
    arrange(this.list, wanted);
  }

  #setting(entry: Entry, previous: Entry | null): Setting {
    const { message, delivery } = entry;
    const before = previous?.message;
    const mine = message.author?.id === this.#options.viewer.id;
    const continues =
      before !== undefined &&
      !this.#firsts.has(message.id) &&
      message.author !== null &&
      before.author?.id === message.author.id &&
      !message.replyTo &&
      before.deletedAt === null &&
      Date.parse(message.createdAt) - Date.parse(before.createdAt) < RUN_LASTS_MS;
    const seen =
      mine && this.#options.direct && delivery.kind === "stored" && message.seq !== null && this.#wasRead(message.seq);
    return { continues, mine, seen };
  }

  #wasRead(seq: number): boolean {
    for (const [userId, readSeq] of this.#signals.view.readSeqs) {
      if (userId !== this.#options.viewer.id && readSeq >= seq) return true;
    }
    return false;
  }

  #row(entry: Entry, setting: Setting, mayAppear: boolean): HTMLElement {
    const { id } = entry.message;
    const row = this.#rows.get(id);
    if (row === undefined) {
      const element = fresh("message-template");
      drawMessage(element, entry, setting);
      if (mayAppear && setting.mine && entry.message.seq === null) element.classList.add("message--fresh");
      this.#rows.set(id, { element, entry, setting });
      return element;
    }
    const adopted = row.entry === null && entry.delivery.kind === "stored" && entry.pending.length === 0;
    if (adopted || (row.entry === entry && !sameSetting(row.setting, setting))) {
      drawSetting(row.element, entry, setting);
    } else if (row.entry !== entry) {
      drawMessage(row.element, entry, setting);
    }
    row.entry = entry;
    row.setting = setting;
    return row.element;
  }

  #day(day: string, entry: Entry): HTMLElement {
    const element = this.#days.get(day) ?? this.#newDay(day);
    say(find(element, "time", HTMLTimeElement), dayName(new Date(entry.message.createdAt), new Date()));
    return element;
  }

  #newDay(day: string): HTMLElement {
    const element = fresh("day-template");
    element.dataset["day"] = day;
    find(element, "time", HTMLTimeElement).dateTime = day;
    this.#days.set(day, element);
    return element;
  }

  #isNew({ message }: Entry): boolean {
    return (
      this.#newAfter !== null &&
      message.seq !== null &&
      message.seq > this.#newAfter &&
      message.author?.id !== this.#options.viewer.id
    );
  }

  /** What arrives while the page is left begins a new "new". */
  #keepPlaceOfNew(view: MessagesView): void {
    const left = this.#leftAt;
    if (left === null || lastSeq(view) <= left) return;
    this.#leftAt = null;
    this.#newAfter = left;
  }

  #visibilityChanged(): void {
    this.#leftAt = document.visibilityState === "hidden" && this.atPresent ? lastSeq(this.#view) : null;
    // The names of the days may be yesterday's.
    const today = dayOf(new Date());
    if (document.visibilityState !== "visible" || today === this.#today) return;
    this.#today = today;
    this.#draw(this.#view);
  }

  #moved(): void {
    const { atPresent } = this;
    this.#messages.follow(atPresent);
    if (atPresent) this.#seenSeq = Math.max(this.#seenSeq, lastSeq(this.#view));
    const unseen = atPresent ? 0 : this.#unseenCount();
    show(this.#present, !atPresent && (unseen > 0 || this.#view.hasNewer || !this.place.nearEnd));
    this.#present.classList.toggle("present--new", unseen > 0);
    say(part(this.#present, "words"), words.toPresent(unseen));
    void this.#loadMore();
  }

  #unseenCount(): number {
    let count = this.#messages.beyond(this.#seenSeq);
    for (let index = this.#view.entries.length - 1; index >= 0; index -= 1) {
      const message = this.#view.entries[index]?.message;
      if (message === undefined || (message.seq !== null && message.seq <= this.#seenSeq)) break;
      if (message.seq !== null && message.author?.id !== this.#options.viewer.id) count += 1;
    }
    return count;
  }

  async #loadMore(): Promise<void> {
    if (this.#isLoading || this.#pause !== undefined) return;
    const wantsOlder = this.#view.hasOlder && this.place.nearStart;
    if (!wantsOlder && !(this.#view.hasNewer && this.place.nearEnd)) return;
    this.#isLoading = true;
    const arrived = await (wantsOlder ? this.#messages.loadOlder() : this.#messages.loadNewer());
    this.#isLoading = false;
    if (arrived) return this.#moved();
    this.#pause = window.setTimeout(() => {
      this.#pause = undefined;
      this.#moved();
    }, RETRY_MS);
  }

  #followQuote(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const quote = event.target.closest<HTMLAnchorElement>("a.quote");
    if (quote === null || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    void this.showMessage(quote.hash.slice("#message-".length));
  }

  async #followHash(): Promise<void> {
    const id = /^#message-([0-9a-f-]{36})$/.exec(location.hash)?.[1];
    if (id !== undefined) await this.showMessage(id);
  }
}

function lastSeq(view: MessagesView): number {
  return view.entries.findLast(({ message }) => message.seq !== null)?.message.seq ?? 0;
}

function sameSetting(one: Setting | null, other: Setting): boolean {
  return one?.continues === other.continues && one.mine === other.mine && one.seen === other.seen;
}
