/** Logging out with messages that wait in this browser asks first. The room's page asks by itself: it knows its outbox. */
import type { KeptRow } from "./storage.ts";

/** Ask before any form[data-logout] below `root` is sent while `viewerId` has something unsent. */
export function askBeforeLogOut(root: HTMLElement, viewerId: string): { stop(): void } {
  const stopping = new AbortController();
  root.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.matches("[data-logout]")) return;
      event.preventDefault();
      // Sent by hand, a form asks nobody again.
      void mayLogOut(viewerId).then((may) => void (may && form.submit()));
    },
    { signal: stopping.signal },
  );
  return { stop: () => stopping.abort() };
}

async function mayLogOut(viewerId: string): Promise<boolean> {
  const count = await unsentCount(viewerId);
  if (count === 0) return true;
  const [{ ask }, { words }] = await Promise.all([import("./dialogs.ts"), import("./words.ts")]);
  return ask({ title: words.logOutTitle, words: words.logOutWords(count), yes: words.logOut });
}

/** What cannot be looked up does not keep anybody from logging out: what is stored there stays there. */
async function unsentCount(viewerId: string): Promise<number> {
  if (typeof indexedDB === "undefined") return 0;
  const { DurableStorage } = await import("./storage.ts");
  const storage = new DurableStorage(indexedDB);
  try {
    return (await storage.all(viewerId)).filter(isUnsent).length;
  } catch {
    return 0;
  } finally {
    storage.close();
  }
}

function isUnsent({ operation, state }: KeptRow): boolean {
  return operation.kind !== "markRead" && operation.kind !== "markUnread" && state.kind !== "held";
}
