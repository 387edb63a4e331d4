/** Finding and making elements. Markup stands in templates/room/ alone; what is drawn live is cloned from there. */

type Kind<E extends Element> = abstract new () => E;

/** The element that `selector` names under `root`; the templates and the scripts agree on it, so its absence throws. */
export function find<E extends Element>(root: ParentNode, selector: string, kind: Kind<E>): E {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`No ${kind.name} at ${selector}`);
}

/** The part of a component that its template calls `name`. */
export function part<E extends Element = HTMLElement>(root: ParentNode, name: string, kind?: Kind<E>): E {
  return find(root, `[data-part="${name}"]`, kind ?? (HTMLElement as unknown as Kind<E>));
}

/** A new element from the `<template>` of that id. */
export function fresh(templateId: string): HTMLElement {
  const template = find(document, `#${templateId}`, HTMLTemplateElement);
  const first = template.content.firstElementChild;
  if (!(first instanceof HTMLElement)) throw new Error(`#${templateId} is empty`);
  return document.importNode(first, true);
}

/** Set the text only where it differs: a node that is not touched keeps its selection. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide, and tell which. */
export function show(element: Element, shown: boolean): boolean {
  element.toggleAttribute("hidden", !shown);
  return shown;
}

export function isShown(element: Element): boolean {
  return !element.hasAttribute("hidden");
}

/**
 * Make `parent`'s children exactly `wanted`, in that order. What is in its place stays untouched, so nothing loses its
 * focus or selection.
 */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const element of wanted) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}

/** Listen until `signal` is aborted. */
export function on<K extends keyof HTMLElementEventMap>(
  target: HTMLElement,
  type: K,
  signal: AbortSignal,
  listener: (event: HTMLElementEventMap[K]) => void,
  options: AddEventListenerOptions = {},
): void {
  target.addEventListener(type, listener, { ...options, signal });
}
