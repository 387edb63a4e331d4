/** Draws one message into its element; `templates/room/_message.html` is the markup. */
import { arrange, fresh, part, say, show } from "./markup.ts";
import type { Entry, ShownMessage, ShownReaction } from "./messages.ts";
import { inFull, timeOfDay } from "./moments.ts";
import type { PendingOperation } from "./outbox.ts";
import { drawAvatar, shownName } from "./people.ts";
import { drawProse } from "./prose.ts";
import { reasonInWords, words } from "./words.ts";

export type Arrival = keyof typeof words.arrival;

/** How an entry stands among the others, and what the room knows about it. */
export interface Setting {
  /** Follows from the same person within five minutes. */
  readonly continues: boolean;
  readonly mine: boolean;
  /** Somebody else in a direct room has read it. */
  readonly seen: boolean;
}

const QUOTE_CHARS = 160;

/** The failed operation that a person has to decide on: the message's own send, or the first failed change of it. */
export function refusedOperation(entry: Entry): { readonly id: string; readonly reason: string } | null {
  if (entry.delivery.kind === "failed") {
    return { id: entry.message.id, reason: reasonInWords(entry.delivery.failure) };
  }
  for (const { id, state } of entry.pending) {
    if (state.kind === "failed") return { id, reason: reasonInWords(state.failure) };
  }
  return null;
}

/** How far one's own message, or the latest change of its text, has come. */
export function arrivalOf(entry: Entry, seen: boolean): Arrival {
  switch (entry.delivery.kind) {
    case "failed":
      return "refused";
    case "held":
    case "sending":
    case "waiting":
      return entry.delivery.kind;
    case "stored": {
      const change = entry.pending.filter(changesText).at(-1);
      if (change === undefined) return seen ? "seen" : "stored";
      return change.state.kind === "failed" ? "refused" : change.state.kind;
    }
  }
}

function changesText({ operation }: PendingOperation): boolean {
  return operation.kind === "edit" || operation.kind === "delete";
}

/** Draw all of an entry. */
export function drawMessage(element: HTMLElement, entry: Entry, setting: Setting): void {
  const { message } = entry;
  const deleted = message.deletedAt !== null;
  element.id = `message-${message.id}`;
  element.dataset["messageId"] = message.id;
  element.dataset["seq"] = message.seq === null ? "" : String(message.seq);
  element.classList.toggle("message--deleted", deleted);
  drawAvatar(part(element, "avatar"), message.author);
  say(part(element, "author"), message.author === null ? words.somebodyWhoLeft : shownName(message.author));
  drawQuote(element, message.replyTo);
  if (deleted) part(element, "text").replaceChildren();
  else drawProse(part(element, "text"), message);
  show(part(element, "deleted"), deleted);
  const edited = part(element, "edited");
  if (show(edited, message.editedAt !== null && !deleted) && message.editedAt !== null) {
    edited.title = words.editedAt(inFull(new Date(message.editedAt)));
  }
  drawReactions(element, message);
  drawRefusal(element, entry);
  drawSetting(element, entry, setting);
}

/** Draw what depends on the reader and on the neighbours; for an element of the server, all that is left to draw. */
export function drawSetting(element: HTMLElement, entry: Entry, setting: Setting): void {
  const sentAt = new Date(entry.message.createdAt);
  const time = part(element, "time", HTMLTimeElement);
  time.dateTime = entry.message.createdAt;
  time.title = inFull(sentAt);
  say(time, timeOfDay(sentAt));
  element.classList.toggle("message--continues", setting.continues);
  element.toggleAttribute("data-mine", setting.mine);
  const arrival = part(element, "arrival");
  if (!show(arrival, setting.mine && entry.message.deletedAt === null)) return;
  const state = arrivalOf(entry, setting.seen);
  arrival.dataset["state"] = state;
  arrival.title = words.arrival[state];
  say(part(arrival, "arrival-name"), words.arrival[state]);
  element.classList.toggle("message--refused", state === "refused");
}

/** What the server drew of a message that answers none has no quote, and never gets one. */
function drawQuote(row: HTMLElement, quoted: ShownMessage["replyTo"]): void {
  const element = row.querySelector<HTMLAnchorElement>('[data-part="quote"]');
  if (element === null || !show(element, quoted !== null && quoted !== undefined) || !quoted) return;
  element.href = `#message-${quoted.id}`;
  say(part(element, "quote-author"), quoted.author === null ? words.somebodyWhoLeft : shownName(quoted.author));
  say(part(element, "quote-text"), quoted.deletedAt === null ? excerpt(quoted.body) : words.messageDeleted);
}

/** The beginning of a text, on one line. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > QUOTE_CHARS ? `${line.slice(0, QUOTE_CHARS - 1)}…` : line;
}

function drawReactions(element: HTMLElement, message: ShownMessage): void {
  const list = part(element, "reactions");
  const present = new Map<string, Element>();
  for (const item of list.children) {
    present.set(item.querySelector("button")?.dataset["emoji"] ?? "", item);
  }
  const pills = message.reactions.map((reaction) => {
    const pill = present.get(reaction.emoji) ?? fresh("reaction-template");
    drawReaction(pill, reaction);
    return pill;
  });
  arrange(list, pills);
  show(list, pills.length > 0 && message.deletedAt === null);
}

function drawReaction(pill: Element, { emoji, count, viewerReacted, users }: ShownReaction): void {
  const button = pill.querySelector("button");
  if (button === null) throw new Error("A reaction is a button");
  button.dataset["emoji"] = emoji;
  button.setAttribute("aria-pressed", String(viewerReacted));
  const names = users.map(shownName).join(", ");
  button.title = words.reactedBy(emoji, users.length < count ? words.andOthers(names, count - users.length) : names);
  say(part(button, "emoji"), emoji);
  say(part(button, "count"), String(count));
}

function drawRefusal(element: HTMLElement, entry: Entry): void {
  const refused = refusedOperation(entry);
  const box = part(element, "refusal");
  if (show(box, refused !== null) && refused !== null) say(part(box, "reason"), refused.reason);
}
