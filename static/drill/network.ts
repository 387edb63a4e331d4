import type { Observation } from "../src/observation.ts";
import type { Network, Tab } from "./browser.ts";

type Handler<T> = ((event: T) => void) | null;
interface Closing {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** There was no close frame. */
const ABNORMAL: Closing = { code: 1006, reason: "", wasClean: false };

/**
 * What one tab reaches: Node's own fetch and WebSocket, whose events it hears only while it lives. Without a network
 * everything fails at once, as in a browser.
 */
export class TabNetwork implements Network {
  readonly WebSocket: unknown;
  readonly observe: (what: Observation) => void;
  readonly #tab: Tab;
  readonly #sockets = new Set<TabSocket>();
  #requests = new AbortController();

  constructor(tab: Tab, observe: (what: Observation) => void) {
    this.#tab = tab;
    this.observe = observe;
    const sockets = this.#sockets;
    this.WebSocket = class extends TabSocket {
      constructor(url: string, protocols: string | string[]) {
        super(tab, sockets, url, protocols);
      }
    };
  }

  async fetch(url: string, init: RequestInit): Promise<Response> {
    if (!this.#tab.online) throw new TypeError("there is no network");
    const signals = [this.#requests.signal, ...(init.signal ? [init.signal] : [])];
    const { status, headers, ...response } = await fetch(url, { ...init, signal: AbortSignal.any(signals) }).then(
      async (answer) => ({ status: answer.status, headers: answer.headers, body: await answer.arrayBuffer() }),
    );
    // Whole, so that a frozen tab doesn't go on when the rest of it comes.
    return new Response(response.body.byteLength === 0 ? null : response.body, { status, headers });
  }

  /** Everything that is open is gone. */
  drop(): void {
    this.#requests.abort();
    this.#requests = new AbortController();
    for (const socket of [...this.#sockets]) socket.drop();
  }
}

/** A WebSocket of a tab, as far as the client uses one. */
class TabSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  onopen: Handler<unknown> = null;
  onmessage: Handler<{ readonly data: unknown }> = null;
  onerror: Handler<unknown> = null;
  onclose: Handler<Closing> = null;
  readonly #tab: Tab;
  readonly #sockets: Set<TabSocket>;
  readonly #socket: WebSocket | null;
  #closed = false;

  constructor(tab: Tab, sockets: Set<TabSocket>, url: string, protocols: string | string[]) {
    this.#tab = tab;
    this.#sockets = sockets;
    this.#socket = tab.online ? new WebSocket(url, protocols) : null;
    sockets.add(this);
    if (this.#socket === null) {
      setImmediate(() => this.#end(ABNORMAL));
      return;
    }
    this.#socket.onopen = (event) => this.#hear(() => this.onopen?.(event));
    this.#socket.onmessage = ({ data }) => this.#hear(() => this.onmessage?.({ data }));
    this.#socket.onerror = (event) => this.#hear(() => this.onerror?.(event));
    this.#socket.onclose = ({ code, reason, wasClean }) => this.#end({ code, reason, wasClean });
  }

  get readyState(): number {
    return this.#closed ? TabSocket.CLOSED : (this.#socket?.readyState ?? TabSocket.CONNECTING);
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
  }

  /** The network is gone, or the tab. */
  drop(): void {
    this.#end(ABNORMAL);
    this.#socket?.close();
  }

  #hear(then: () => void): void {
    if (!this.#closed) this.#tab.do(then);
  }

  #end(how: Closing): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sockets.delete(this);
    this.#tab.do(() => this.onclose?.(how));
  }
}
