import type { ShownMessage } from "./messages.ts";

/** The one place where HTML goes into the page as HTML: what the server rendered and sanitised. */
export function putSanitisedHtml(element: HTMLElement, html: string): void {
  element.innerHTML = html;
}

/** Draw what was written: the server's HTML where it is known, until then the text as text. */
export function drawProse(element: HTMLElement, message: ShownMessage): void {
  if (message.bodyHtml !== null) {
    putSanitisedHtml(element, message.bodyHtml);
    return;
  }
  const paragraphs = message.body.split(/\n{2,}/).map((text) => {
    const paragraph = document.createElement("p");
    text.split("\n").forEach((line, index) => {
      if (index > 0) paragraph.append(document.createElement("br"));
      paragraph.append(line);
    });
    return paragraph;
  });
  element.replaceChildren(...paragraphs);
}
