/**
 * All pages of a drill in one process. An order a line on stdin, JSON; an answer a line on stdout; what the pages do is
 * recorded in a file. It ends when stdin does.
 *
 *   {"n": 1, "do": "open", …}       →  {"n": 1, "done": null} or {"n": 1, "failed": "why"}
 *                                      {"page": "name", …}: a page's status, whenever it is another one
 *                                      {"broken": "…"}: an error that nobody caught
 */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { PageEvent } from "../src/environment.ts";
import { Browser } from "./browser.ts";
import { watchLag } from "./lag.ts";
import { RealMachine } from "./machine.ts";
import { Page, type Deed, type PageAddress } from "./page.ts";
import { Recorder } from "./recorder.ts";

/** What one browser's tabs share: its storage and its machine. */
interface Profile {
  readonly browser: Browser;
  readonly machine: RealMachine;
  readonly pages: Set<Page>;
  online: boolean;
}

type Order =
  | { readonly do: "hello" }
  | { readonly do: "open"; readonly address: PageAddress }
  | { readonly do: "act"; readonly page: string; readonly deed: Deed }
  | { readonly do: "state"; readonly page: string }
  | { readonly do: "close"; readonly page: string; readonly orderly: boolean }
  | { readonly do: "freeze" | "thaw"; readonly page: string }
  | { readonly do: "tell"; readonly page: string; readonly event: Extract<PageEvent, "visible" | "hidden"> }
  | { readonly do: "network"; readonly outbox: string; readonly online: boolean }
  | { readonly do: "shift"; readonly outbox: string; readonly seconds: number };

const LAG_LIMIT_S = 0.1;
const STATUS_EVERY_MS = 20;

const { values } = parseArgs({ options: { history: { type: "string" }, jitter: { type: "string", default: "1" } } });
if (values.history === undefined) throw new TypeError("expected --history FILE");
const recorder = new Recorder(values.history);
const jitter = Number(values.jitter);
const profiles = new Map<string, Profile>();
const pages = new Map<string, Page>();
const changed = new Set<Page>();

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case "hello":
      return;
    case "open": {
      const { name, outbox } = order.address;
      if (pages.has(name)) throw new Error(`there is a page ${name} already`);
      const profile = profileOf(outbox);
      const page: Page = new Page(profile.browser, profile.machine, order.address, recorder, () => note(page));
      page.tab.online = profile.online;
      pages.set(name, page);
      profile.pages.add(page);
      await page.start();
      return report(page);
    }
    case "act": {
      const page = pageOf(order.page);
      page.do(order.deed);
      return report(page);
    }
    case "state":
      return pageOf(order.page).state();
    case "close": {
      const page = pages.get(order.page);
      if (page === undefined) return;
      page.close(order.orderly);
      pages.delete(order.page);
      profileOf(page.address.outbox).pages.delete(page);
      return report(page);
    }
    case "freeze": {
      // Browsers freeze only what nobody sees.
      const { tab } = pageOf(order.page);
      tab.tell("hidden");
      return tab.freeze();
    }
    case "thaw": {
      const { tab } = pageOf(order.page);
      tab.thaw();
      return tab.tell("visible");
    }
    case "tell":
      return pageOf(order.page).tab.tell(order.event);
    case "network": {
      const profile = profileOf(order.outbox);
      profile.online = order.online;
      for (const { tab, network } of profile.pages) {
        tab.tell(order.online ? "online" : "offline");
        if (!order.online) network.drop();
      }
      return;
    }
    case "shift":
      return profileOf(order.outbox).machine.shift(order.seconds * 1000);
    default:
      return order satisfies never;
  }
}

function profileOf(outbox: string): Profile {
  const known = profiles.get(outbox);
  if (known !== undefined) return known;
  const machine = new RealMachine(jitter);
  const profile = { browser: new Browser(machine), machine, pages: new Set<Page>(), online: true };
  profiles.set(outbox, profile);
  return profile;
}

function pageOf(name: string): Page {
  const page = pages.get(name);
  if (page === undefined) throw new Error(`there is no page ${name}`);
  return page;
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function note(page: Page): void {
  if (changed.size === 0) setTimeout(() => changed.forEach(report), STATUS_EVERY_MS);
  changed.add(page);
}

function report(page: Page): void {
  changed.delete(page);
  say({ page: page.address.name, ...page.status });
}

process.on("uncaughtException", (error) => say({ broken: error.stack ?? String(error) }));
process.on("unhandledRejection", (error) => say({ broken: error instanceof Error ? error.stack : String(error) }));
// Node.js loads them at their first use, which takes a while that is nobody's lag.
await fetch("data:,");
void WebSocket;
const stopWatching = watchLag(LAG_LIMIT_S, (seconds) => recorder.add("lagged", { who: "pages", seconds }));

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  const { n, ...order } = JSON.parse(line) as Order & { readonly n: number };
  carryOut(order).then(
    (done) => say({ n, done: done ?? null }),
    (error: unknown) => say({ n, failed: String(error) }),
  );
});
orders.on("close", () => {
  stopWatching();
  for (const page of [...pages.values()]) page.close(true);
  recorder.close();
  process.exit(0);
});
