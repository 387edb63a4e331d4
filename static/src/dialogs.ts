/** Dialogs: each is a `<dialog>` of templates/room/_dialogs.html; Esc closes it and the focus goes back. */
import { find, part, say, show } from "./markup.ts";

export function dialog(name: string): HTMLDialogElement {
  return find(document, `[data-dialog="${name}"]`, HTMLDialogElement);
}

export interface Question {
  readonly title: string;
  readonly words: string;
  readonly yes: string;
  readonly quote?: string;
}

/** Ask, and resolve with the answer; closing the dialog is a no. */
export function ask({ title, words, yes, quote }: Question): Promise<boolean> {
  const asking = dialog("ask");
  say(part(asking, "title"), title);
  say(part(asking, "words"), words);
  say(part(asking, "yes"), yes);
  if (show(part(asking, "quote"), quote !== undefined)) say(part(asking, "quote"), quote ?? "");
  asking.returnValue = "no";
  asking.showModal();
  return new Promise((resolve) => {
    asking.addEventListener("close", () => resolve(asking.returnValue === "yes"), { once: true });
  });
}

/** Fill a list of terms and what they stand for. */
export function putFigures(list: HTMLElement, figures: readonly (readonly [string, string])[], keys = false): void {
  list.replaceChildren(
    ...figures.flatMap(([term, value]) => {
      const name = document.createElement("dt");
      const text = document.createElement("dd");
      if (keys) name.append(...keyCaps(term));
      else name.textContent = term;
      text.textContent = value;
      return [name, text];
    }),
  );
}

/** "Shift+Enter" as two key caps; "+" alone is a key. */
function keyCaps(keys: string): (Node | string)[] {
  return keys.split(/(?<=.)(\+|, |・)(?=.)/).map((piece, index) => {
    if (index % 2 === 1) return piece;
    const cap = document.createElement("kbd");
    cap.textContent = piece;
    return cap;
  });
}
