import { Browser } from "../../../static/drill/browser.ts";
import type { Chance } from "./chance.ts";
import type { FakeClock } from "./clock.ts";

/** A browser in a test's own time. */
export function openBrowser(clock: FakeClock, chance: Chance): Browser {
  let ids = 0;
  return new Browser({
    clock,
    random: () => chance.next(),
    newId: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
    csrfToken: "token",
  });
}
