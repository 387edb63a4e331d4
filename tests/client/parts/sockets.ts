/** What a server sees of a client's socket. */
export interface ServerSocket {
  next(id: string, data: unknown): void;
  error(id: string, extensions: Readonly<Record<string, unknown>>): void;
  complete(id: string): void;
  onEnd(id: string, then: () => void): void;
  close(code: number, reason?: string): void;
}

type Subscribe = (socket: ServerSocket, id: string, operation: string, variables: Readonly<Record<string, unknown>>) => void;

/** How the network treats sockets. */
export type Weather =
  | "fine"
  /** Nothing can be opened. */
  | "down"
  /** Opens, and nothing ever comes back: half-open. */
  | "silent"
  /** Opens and closes at once with `closing`. */
  | "turned away";

/** graphql-transport-ws in this process, with a network that can be cut, silenced and made to repeat and swap messages. */
export class SocketServer {
  readonly WebSocket: unknown;
  weather: Weather = "fine";
  closing = 1013;
  readonly open = new Set<ClientSocket>();
  /** The payloads of connection_init, in order. */
  readonly greetings: unknown[] = [];
  pings = 0;
  /** What happens to each message on its way to the client: which ones arrive instead of it. */
  meddle: (text: string, socket: object) => readonly string[] = (text) => [text];

  constructor(subscribe: Subscribe) {
    const server = this;
    this.WebSocket = class extends ClientSocket {
      constructor() {
        super(server, subscribe);
      }
    };
  }

  /** The connections are lost without a word. */
  cut(code = 1006): void {
    for (const socket of [...this.open]) socket.shut(code, "");
  }

  closeAll(code: number, reason = ""): void {
    for (const socket of [...this.open]) socket.shut(code, reason);
  }
}

class ClientSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readyState: number = ClientSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((error: unknown) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  readonly #server: SocketServer;
  readonly #subscribe: Subscribe;
  readonly #ends = new Map<string, () => void>();
  readonly #outbox: string[] = [];

  constructor(server: SocketServer, subscribe: Subscribe) {
    this.#server = server;
    this.#subscribe = subscribe;
    queueMicrotask(() => this.#begin());
  }

  send(text: string): void {
    if (this.readyState !== ClientSocket.OPEN || this.#server.weather === "silent") return;
    const message = JSON.parse(text) as { type: string; id?: string; payload?: { query: string; variables: Record<string, unknown> } };
    switch (message.type) {
      case "connection_init":
        this.#server.greetings.push(message.payload);
        return this.#say({ type: "connection_ack" });
      case "ping":
        this.#server.pings++;
        return this.#say({ type: "pong" });
      case "subscribe": {
        const { id = "", payload } = message;
        const operation = /^subscription (\w+)/.exec(payload?.query ?? "")?.[1] ?? "";
        return this.#subscribe(this.#forServer(), id, operation, payload?.variables ?? {});
      }
      case "complete":
        this.#ends.get(message.id ?? "")?.();
        return;
    }
  }

  close(code = 1000, reason = ""): void {
    this.shut(code, reason);
  }

  /** The end, from whichever side. */
  shut(code: number, reason: string): void {
    if (this.readyState === ClientSocket.CLOSED) return;
    this.readyState = ClientSocket.CLOSED;
    this.#server.open.delete(this);
    for (const end of this.#ends.values()) end();
    queueMicrotask(() => this.onclose?.({ code, reason, wasClean: code !== 1006 }));
  }

  #begin(): void {
    if (this.readyState !== ClientSocket.CONNECTING) return;
    if (this.#server.weather === "down") {
      this.onerror?.(new Error("refused"));
      return this.shut(1006, "");
    }
    this.readyState = ClientSocket.OPEN;
    this.#server.open.add(this);
    this.onopen?.();
    if (this.#server.weather === "turned away") this.shut(this.#server.closing, "");
  }

  #forServer(): ServerSocket {
    const ended = new Set<string>();
    const say = (id: string, message: object): void => {
      if (!ended.has(id)) this.#say(message);
    };
    return {
      next: (id, data) => say(id, { type: "next", id, payload: { data } }),
      error: (id, extensions) => say(id, { type: "error", id, payload: [{ message: "refused", extensions }] }),
      complete: (id) => {
        say(id, { type: "complete", id });
        ended.add(id);
      },
      onEnd: (id, then) => this.#ends.set(id, () => {
        ended.add(id);
        then();
      }),
      close: (code, reason = "") => this.shut(code, reason),
    };
  }

  #say(message: object): void {
    if (this.#server.weather === "silent") return;
    const text = JSON.stringify(message);
    this.#outbox.push(...(text.includes('"next"') ? this.#server.meddle(text, this) : [text]));
    queueMicrotask(() => {
      for (const next of this.#outbox.splice(0)) {
        if (this.readyState === ClientSocket.OPEN) this.onmessage?.({ data: next });
      }
    });
  }
}
