import { closeSync, openSync, writeSync } from "node:fs";
import { monotonic } from "./machine.ts";

/** The lines of chat/drill/history.py that pages write, without kind and time. */
export interface Records {
  readonly opened: { client: string; outbox: string; person: string; flavour: "page"; path: string };
  readonly closed: { client: string };
  readonly follows: { client: string; room: string; seq: number; cursor: string };
  readonly connection: { client: string; state: "connected" | "lost" | "stopped"; code: number | null };
  readonly called: { outbox: string; client: string; room: string; verb: string; id: string; object: string; body: string };
  readonly tried: { outbox: string; id: string };
  readonly returned: {
    outbox: string;
    id: string;
    outcome: "stored" | "refused" | "unknown";
    seq: number | null;
    code: string | null;
    retry_after: number | null;
  };
  readonly applied: { client: string; room: string; seq: number; cursor: string; event: string; object: string };
  readonly passed: { client: string; room: string; cursor: string };
  readonly ready: { client: string; room: string; seq: number; cursor: string };
  readonly reset: { client: string; room: string; seq: number; cursor: string; reason: string; after: string | null };
  readonly ended: { client: string; room: string };
  readonly lagged: { who: "pages"; seconds: number };
  readonly state: { client: string; rooms: Readonly<Record<string, unknown>> };
}

/** Appends records to a file; a line is in the file when `add` returns. */
export class Recorder {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  add<Kind extends keyof Records>(kind: Kind, fields: Records[Kind]): void {
    writeSync(this.#file, `${JSON.stringify({ kind, t: monotonic(), ...fields })}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
