import type { Browser, Tab } from "../../../static/drill/browser.ts";
import { createTodoku, type OpenRoom, type Todoku, type TodokuOptions } from "../../../static/src/client.ts";
import type { RoomPageQuery } from "../../../static/src/generated/operations.ts";
import { openBrowser } from "./browser.ts";
import { Chance } from "./chance.ts";
import { FakeClock } from "./clock.ts";
import { ModelServer } from "./server.ts";

/** One person's browser with the room's page in it. */
export interface Page {
  readonly todoku: Todoku;
  readonly room: OpenRoom;
  readonly tab: Tab;
}

export interface World {
  readonly clock: FakeClock;
  readonly chance: Chance;
  readonly server: ModelServer;
  readonly browser: Browser;
}

export function world(seed = 1): World {
  const clock = new FakeClock();
  const chance = new Chance(seed);
  return { clock, chance, server: new ModelServer(), browser: openBrowser(clock, chance) };
}

/** Open the room's page in a new tab, as the server renders it now (or as `data` says). */
export function openPage(
  { browser, server }: World,
  options: Partial<TodokuOptions> & { viewer?: string; last?: number } = {},
  data?: RoomPageQuery,
): Page {
  const { viewer = "1", last = 50, ...others } = options;
  const tab = browser.openTab(() => server.network);
  const urls = { endpoint: "/graphql", socketUrl: "ws://todoku.test/graphql" };
  const todoku = createTodoku(tab.environment, { ...urls, ...others }, data ?? server.roomPage(viewer, last));
  if (todoku.room === null) throw new Error("the page has no room");
  return { todoku, room: todoku.room, tab };
}

/** Everything that a page shows, one line a message. */
export function shown({ room }: Page): readonly string[] {
  return room.messages.view.entries.map(({ message }) => line(message));
}

/** A value with its keys in order, on one line: equal lines, equal values. */
export function line(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
