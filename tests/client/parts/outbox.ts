import { openPage, world, type Page, type World } from "./page.ts";
import type { Fault, Given } from "./server.ts";
import { settled } from "./waiting.ts";

export const ROOM = "7";
export const MUTATIONS = /^(SendMessage|EditMessage|DeleteMessage|AddReaction|RemoveReaction|Mark)/;

export function deliveries({ room }: Page): readonly string[] {
  return room.messages.view.entries.map(({ message, delivery }) => `${message.body}: ${delivery.kind}`);
}

export function states({ todoku }: Page): readonly string[] {
  return todoku.outbox.view.operations.map(({ operation, state }) => `${operation.kind}: ${state.kind}`);
}

export function sent({ server }: World): readonly string[] {
  return [...server.messages.values()].map(({ body }) => body);
}

export function asked({ server }: World): readonly string[] {
  return server.requests.map(({ operation }) => operation).filter((operation) => MUTATIONS.test(operation));
}

/** Fail the outbox's requests alone. */
export function failing(fault: Fault | null): (given: Given) => Fault | null {
  return ({ operation }) => (MUTATIONS.test(operation) ? fault : null);
}

export async function opened(arrange: (here: World) => void = () => undefined): Promise<{ here: World; page: Page }> {
  const here = world();
  arrange(here);
  const page = openPage(here);
  await settled();
  return { here, page };
}
