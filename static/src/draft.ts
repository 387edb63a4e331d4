/** What stands in a composer, kept in the browser for one person and room. */

/** The message that a text answers or changes. */
export interface About {
  readonly kind: "reply" | "edit";
  readonly messageId: string;
  /** Whom it answers, and how that message begins. */
  readonly name: string;
  readonly excerpt: string;
}

export interface Draft {
  readonly text: string;
  readonly about: About | null;
  /** The message that was being written when an edit began; comes back after it. */
  readonly aside: { readonly text: string; readonly about: About | null } | null;
}

export const EMPTY: Draft = { text: "", about: null, aside: null };

export class DraftStore {
  readonly #key: string;

  constructor(userId: string, roomId: string) {
    this.#key = `todoku:draft:${userId}:${roomId}`;
  }

  load(): Draft {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.#key) ?? "null");
      return isDraft(kept) ? kept : EMPTY;
    } catch {
      // Storage is switched off, or holds what an older page wrote.
      return EMPTY;
    }
  }

  save(draft: Draft): void {
    try {
      if (draft.text === "" && draft.about === null && draft.aside === null) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify(draft));
    } catch {
      // Full or switched off: the text still stands in the page.
    }
  }
}

function isDraft(kept: unknown): kept is Draft {
  return isRecord(kept) && isWritten(kept) && (kept["aside"] === null || (isRecord(kept["aside"]) && isWritten(kept["aside"])));
}

function isWritten(kept: Record<string, unknown>): boolean {
  return typeof kept["text"] === "string" && (kept["about"] === null || isAbout(kept["about"]));
}

function isAbout(kept: unknown): kept is About {
  return (
    isRecord(kept) &&
    (kept["kind"] === "reply" || kept["kind"] === "edit") &&
    ["messageId", "name", "excerpt"].every((name) => typeof kept[name] === "string")
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
