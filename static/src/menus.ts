/** The floating menus: each a <details data-menu>. Arrows move in the open one, Esc and a click elsewhere close it. */

export interface Menus {
  stop(): void;
}

/** Tend all menus below `root`, also those that are drawn later. */
export function tendMenus(root: HTMLElement): Menus {
  const stopping = new AbortController();
  const { signal } = stopping;

  root.addEventListener("keydown", (event) => onKey(event, root), { signal });
  root.addEventListener(
    "click",
    (event) => {
      const menu = openMenu(root);
      if (menu === null || !(event.target instanceof Node)) return;
      const chosen = event.target instanceof Element && event.target.closest(".menu__item") !== null;
      if (chosen || !menu.contains(event.target)) menu.open = false;
    },
    { signal },
  );
  // `toggle` doesn't bubble: it is caught on its way down. Opening one closes the others.
  root.addEventListener(
    "toggle",
    ({ target }) => {
      if (!(target instanceof HTMLDetailsElement) || !target.matches("[data-menu]") || !target.open) return;
      for (const other of root.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
        if (other !== target) other.open = false;
      }
    },
    { signal, capture: true },
  );
  return { stop: () => stopping.abort() };
}

function openMenu(root: HTMLElement): HTMLDetailsElement | null {
  return root.querySelector("details[data-menu][open]");
}

function onKey(event: KeyboardEvent, root: HTMLElement): void {
  const menu = openMenu(root);
  if (menu === null) return;
  switch (event.key) {
    case "Escape":
      close(menu);
      break;
    case "ArrowDown":
      move(menu, (at, count) => (at + 1) % count);
      break;
    case "ArrowUp":
      move(menu, (at, count) => (at <= 0 ? count : at) - 1);
      break;
    case "Home":
      move(menu, () => 0);
      break;
    case "End":
      move(menu, (_, count) => count - 1);
      break;
    default:
      return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Give the focus back to what opened it, unless it has gone elsewhere meanwhile. */
function close(menu: HTMLDetailsElement): void {
  const within = menu.contains(document.activeElement);
  menu.open = false;
  if (within) menu.querySelector("summary")?.focus();
}

function move(menu: HTMLDetailsElement, next: (at: number, count: number) => number): void {
  const items = [...menu.querySelectorAll<HTMLElement>(".menu__item")].filter((item) => item.checkVisibility());
  if (items.length === 0) return;
  const at = items.findIndex((item) => item === document.activeElement);
  items[next(at, items.length)]?.focus();
}
