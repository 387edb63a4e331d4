/** The room page: puts its parts together, starts them, and stops them with the page. */
import { browserEnvironment } from "./browser.ts";
import { createTodoku } from "./client.ts";
import { Composer } from "./composer.ts";
import { ask, dialog, putFigures } from "./dialogs.ts";
import type { RoomPageQuery } from "./generated/operations.ts";
import { find, part } from "./markup.ts";
import { excerpt } from "./message.ts";
import { Members } from "./members.ts";
import type { Outbox } from "./outbox.ts";
import { Reading } from "./reading.ts";
import { Rooms } from "./rooms.ts";
import { Standing } from "./standing.ts";
import { Status } from "./status.ts";
import { Timeline } from "./timeline.ts";
import { Toolbar } from "./toolbar.ts";
import { words } from "./words.ts";

const ENDPOINT = "/graphql";

function start(): void {
  const page = JSON.parse(find(document, "#room-data", HTMLScriptElement).text) as RoomPageQuery;
  const socketUrl = new URL(ENDPOINT, location.href);
  socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const todoku = createTodoku(browserEnvironment(), { endpoint: ENDPOINT, socketUrl: socketUrl.href }, page);
  const { apollo, connection, inbox, outbox, room, viewer } = todoku;
  if (room === null || !page.room) throw new Error("The room page has no room");
  const { feed, messages, signals } = room;
  const membership = page.room.viewerMembership;
  const readSeq = membership?.lastReadSeq ?? null;

  const timeline = new Timeline(messages, signals, {
    viewer,
    readSeq: membership !== null && membership.unreadCount > 0 ? readSeq : null,
    direct: page.room.visibility === "DIRECT",
  });
  const composer = new Composer(outbox, signals, {
    viewer,
    roomId: room.id,
    lastOwn: () =>
      timeline.view.entries.findLast(({ message }) => message.author?.id === viewer.id && message.deletedAt === null) ?? null,
    sent: () => void timeline.toPresent(),
  });
  const standing = new Standing(apollo, room.details, composer);
  const toolbar = new Toolbar(timeline, outbox, {
    viewer,
    mayWrite: () => standing.mayWrite,
    mayModerate: () => standing.mayModerate,
    reply: (entry) => composer.reply(entry),
    edit: (entry) => composer.edit(entry),
    confirmDeletion: ({ message }) =>
      ask({ title: words.deleteTitle, words: words.deleteWords, yes: words.delete, quote: excerpt(message.body) }),
    leave: () => composer.focus(),
  });
  const parts = [
    timeline,
    composer,
    standing,
    toolbar,
    new Members(apollo, viewer, room.id, signals, standing),
    new Rooms(inbox, viewer, room.id),
    new Status(connection, outbox, feed),
    ...(readSeq === null ? [] : [new Reading(timeline, outbox, room.id, readSeq)]),
  ];
  const noteEnd = (): void => void (standing.ended = feed.state.kind === "ended");
  feed.subscribe(noteEnd);
  noteEnd();

  askBeforeLogOut(outbox);
  listenToKeys(timeline, composer);
  if (matchMedia("(pointer: fine)").matches && location.hash === "" && composer.shown) composer.focus();

  window.addEventListener("pagehide", () => {
    for (const each of parts) each.stop();
    todoku.stop();
  });
  // Brought back from the browser's memory, the page is stopped: a new one catches up faster than a revived one.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}

/** What is unsent stays in this browser, so logging out needs a question, not a refusal. */
function askBeforeLogOut(outbox: Outbox): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-logout]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void (async () => {
        const sure =
          !(await outbox.hasUnsent()) ||
          (await ask({
            title: words.logOutTitle,
            words: words.logOutWords(Math.max(1, outbox.view.unsentCount)),
            yes: words.logOut,
          }));
        if (sure) form.submit();
      })();
    });
  }
}

function listenToKeys(timeline: Timeline, composer: Composer): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    // What lies on top takes the keys.
    if (document.querySelector("dialog[open], :popover-open, details[data-menu][open]") !== null) return;
    const writing = event.target instanceof Element && event.target.matches("input, textarea, select, [contenteditable]");
    if (writing) return;
    if (event.key === "?") openKeys();
    else if (event.key === "End") void timeline.toPresent();
    else if (event.key === "Escape") composer.focus();
    else {
      // Whoever just begins to write means the composer; on a message, letters are commands.
      const onMessage = event.target instanceof Element && event.target.closest("[data-message-id], details") !== null;
      if (event.key.length === 1 && event.key !== " " && !onMessage && composer.shown) composer.focus();
      return;
    }
    event.preventDefault();
  });
  find(document, "[data-open-keys]", HTMLElement).addEventListener("click", openKeys);
}

function openKeys(): void {
  const keys = dialog("keys");
  putFigures(part(keys, "figures"), words.keys, true);
  keys.showModal();
}

start();
