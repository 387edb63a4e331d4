/** The browser as the client's environment. */
import type { Stop } from "./changes.ts";
import type { Environment, PageEvent, PageState, TabChannel, TabLock } from "./environment.ts";

const CSRF_COOKIE = /(?:^|;\s*)csrftoken=([^;]*)/;

export function browserEnvironment(): Environment {
  return {
    clock: {
      now: () => Date.now(),
      after: (delay, then) => {
        const timer = window.setTimeout(then, delay);
        return () => window.clearTimeout(timer);
      },
    },
    page: pageState(),
    fetch: (url, init) => fetch(url, init),
    WebSocket,
    indexedDB: typeof indexedDB === "undefined" ? null : indexedDB,
    // Absent in an insecure context, whatever the types say.
    locks: "locks" in navigator ? tabLock(navigator.locks) : null,
    openChannel,
    random: () => Math.random(),
    randomUUID,
    csrfToken,
  };
}

function pageState(): PageState {
  return {
    get online() {
      return navigator.onLine;
    },
    get visible() {
      return document.visibilityState === "visible";
    },
    subscribe(listener: (event: PageEvent) => void): Stop {
      const stopped = new AbortController();
      const { signal } = stopped;
      window.addEventListener("online", () => listener("online"), { signal });
      window.addEventListener("offline", () => listener("offline"), { signal });
      document.addEventListener("visibilitychange", () => listener(document.visibilityState), { signal });
      return () => stopped.abort();
    },
  };
}

function tabLock(locks: LockManager): TabLock {
  return {
    async hold(name, { signal, steal }, work) {
      // The standard refuses a signal together with steal.
      const options: LockOptions = steal === true ? { steal } : signal === undefined ? {} : { signal };
      await locks.request(name, options, work);
    },
  };
}

function openChannel(name: string): TabChannel {
  const channel = new BroadcastChannel(name);
  return {
    post: (message) => channel.postMessage(message),
    subscribe(listener) {
      const hear = (event: MessageEvent<unknown>): void => listener(event.data);
      channel.addEventListener("message", hear);
      return () => channel.removeEventListener("message", hear);
    },
    close: () => channel.close(),
  };
}

/** `crypto.randomUUID` is missing where the page came over plain HTTP from another machine. */
export function randomUUID(): string {
  if ("randomUUID" in crypto) return crypto.randomUUID();
  const bytes = (crypto as Crypto).getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The cookie is as new as the last log-in of any tab; the page's own token stands in where it can't be read. */
function csrfToken(): string | null {
  const cookie = CSRF_COOKIE.exec(document.cookie)?.[1];
  if (cookie !== undefined) return cookie;
  return document.querySelector<HTMLMetaElement>('meta[name="todoku-csrf"]')?.content ?? null;
}
