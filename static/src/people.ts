/** How people and rooms are called; chat/templatetags/people.py has the same for the server's templates. */
import type { JoinedRoomPartsFragment } from "./generated/operations.ts";
import type { User } from "./messages.ts";

const AVATAR_HUES = 8n;

export function shownName(person: User): string {
  return person.displayName || person.username;
}

/** Draw the person's initial on one of eight grounds. Ids are odd, so halved first. */
export function drawAvatar(element: HTMLElement, person: User | null): void {
  element.textContent = person === null ? "" : (Array.from(shownName(person))[0] ?? "").toUpperCase();
  if (person === null) delete element.dataset["hue"];
  else element.dataset["hue"] = String((BigInt(person.id) / 2n) % AVATAR_HUES);
}

/** The room's name; that of a direct room is its other members. */
export function roomName(room: JoinedRoomPartsFragment, viewer: User): string {
  if (room.name !== "") return room.name;
  const people = room.participants;
  const others = people.filter((person) => person.id !== viewer.id);
  return (others.length > 0 ? others : people).map(shownName).join(", ");
}
