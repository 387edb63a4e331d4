/** Keeps the reader's place in a scrolled view: at the end it follows, elsewhere what is read stays where it is. */
import { Changes } from "./changes.ts";

/** Within this many pixels of the end, the reader is at the end. */
const END_PX = 24;

interface Anchor {
  readonly element: Element;
  readonly top: number;
}

export class Place {
  readonly moved = new Changes<void>();
  readonly #view: HTMLElement;
  readonly #list: HTMLElement;
  readonly #stopped = new AbortController();
  readonly #resizes: ResizeObserver;
  #atEnd = true;
  /** The rows in sight with where they stood, so that one of them serves when another one goes. */
  #anchors: readonly Anchor[] = [];
  /** Where the view stood when this object last looked or scrolled. */
  #scrollTop = 0;

  /** `view` scrolls; `content` is all that is in it; `list` holds the rows. */
  constructor(view: HTMLElement, content: HTMLElement, list: HTMLElement) {
    this.#view = view;
    this.#list = list;
    view.toggleAttribute("data-kept", true);
    view.addEventListener(
      "scroll",
      () => {
        // What `#restore` itself scrolled is no wish of the reader's.
        if (this.#scrolled()) this.#note();
        this.moved.emit();
      },
      { passive: true, signal: this.#stopped.signal },
    );
    this.#resizes = new ResizeObserver(() => {
      this.#restore();
      this.moved.emit();
    });
    this.#resizes.observe(view);
    this.#resizes.observe(content);
  }

  /** Whether the last row is in sight, and the view follows what is added. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Whether what comes before may soon be wanted. Nobody who reads at the end does, unless there is nothing to scroll. */
  get nearStart(): boolean {
    const canLeaveEnd = this.#view.scrollHeight - this.#view.clientHeight > END_PX;
    if (this.#atEnd && canLeaveEnd) return false;
    return this.#view.scrollTop < 1.5 * this.#view.clientHeight;
  }

  get nearEnd(): boolean {
    return this.#beyond() < 1.5 * this.#view.clientHeight;
  }

  /** Change the rows without moving what is read. */
  hold(change: () => void): void {
    // A scroll whose event is still to come counts already.
    if (this.#scrolled()) this.#note();
    change();
    this.#restore();
  }

  /** Go to the end and follow from there. */
  toEnd(): void {
    this.#atEnd = true;
    this.#restore();
    this.moved.emit();
  }

  /** Bring `element` into view, `share` of the view's height below its upper edge. */
  show(element: Element, share: number): void {
    const offset = element.getBoundingClientRect().top - this.#view.getBoundingClientRect().top;
    this.#view.scrollTop += offset - share * this.#view.clientHeight;
    this.#note();
    this.moved.emit();
  }

  sees(element: Element): boolean {
    const { top, bottom } = element.getBoundingClientRect();
    const sight = this.#view.getBoundingClientRect();
    return bottom > sight.top && top < sight.bottom;
  }

  stop(): void {
    this.#stopped.abort();
    this.#resizes.disconnect();
  }

  #scrolled(): boolean {
    return Math.abs(this.#view.scrollTop - this.#scrollTop) >= 1;
  }

  #beyond(): number {
    return this.#view.scrollHeight - this.#view.clientHeight - this.#view.scrollTop;
  }

  #note(): void {
    this.#scrollTop = this.#view.scrollTop;
    this.#atEnd = this.#beyond() <= END_PX;
    this.#anchors = this.#atEnd ? [] : this.#rowsInSight();
  }

  #rowsInSight(): readonly Anchor[] {
    const rows = this.#list.children;
    const sight = this.#view.getBoundingClientRect();
    // The first row that reaches into sight, by bisection: the rows stand in order.
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle];
      if (row !== undefined && row.getBoundingClientRect().bottom > sight.top) high = middle;
      else low = middle + 1;
    }
    const anchors: Anchor[] = [];
    for (let index = low; index < rows.length; index += 1) {
      const element = rows[index];
      if (element === undefined) break;
      const { top } = element.getBoundingClientRect();
      if (top >= sight.bottom) break;
      // Days and the "new" line move among the messages, so they anchor nothing.
      if (element.hasAttribute("data-message-id")) anchors.push({ element, top: top - sight.top });
    }
    // The topmost serves last: it may change its height (it loses its head when what it continues is loaded before it).
    const [topmost, ...rest] = anchors;
    return topmost === undefined ? [] : [...rest, topmost];
  }

  #restore(): void {
    if (this.#atEnd) {
      this.#view.scrollTop = this.#view.scrollHeight;
    } else {
      const anchor = this.#anchors.find(({ element }) => element.isConnected);
      if (anchor !== undefined) {
        const top = anchor.element.getBoundingClientRect().top - this.#view.getBoundingClientRect().top;
        if (Math.abs(top - anchor.top) >= 0.5) this.#view.scrollTop += top - anchor.top;
      }
    }
    this.#scrollTop = this.#view.scrollTop;
    if (!this.#atEnd && !this.#anchors.some(({ element }) => element.isConnected)) this.#anchors = this.#rowsInSight();
  }
}

