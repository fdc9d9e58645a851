import type { IncomingHttpHeaders } from 'node:http';
import type { Media } from './asked.js';
import type { Behaviour } from './behaviour.js';

/**
 * How a request ended. `answered`: the whole answer was handed to the connection; `failed`: the same, with an error
 * status; `reset`: the simulator broke the connection; `client_left`: the client did, before it had the whole answer.
 */
export type Outcome = 'answered' | 'failed' | 'reset' | 'client_left' | 'pending';

/** What one request asked and what became of it. */
export interface LogEntry {
  /** Counts up from 1 over the life of the simulator; clearing the log does not restart it. */
  n: number;
  request_id: string | null;
  /** ISO 8601, UTC. */
  received_at: string;
  method: string;
  /** Without the query. */
  path: string;
  /** Behind the question mark; empty without one. */
  query: string;
  model: string | null;
  stream: boolean;
  body_bytes: number;
  /** By lower-case name; of those that carry credentials only the presence and the last four characters. */
  headers: Record<string, string>;
  behaviour: Behaviour;
  outcome: Outcome;
  /** Null as long as no status has been sent. */
  status: number | null;
  /** What was reported, or would have been; all choices together. Null where it could not be told. */
  usage: { prompt_tokens: number; completion_tokens: number } | null;
  /** The parts of `usage`; null where none are told, as for embeddings. */
  usage_details: {
    /** Of the prompt: read from a cache, written to one, and of these for an hour. */
    cached_tokens: number;
    cache_write_tokens: number;
    cache_write_1h_tokens: number;
    /** Of the completion. */
    reasoning_tokens: number;
    /** Not tokens, but searches that the provider made. */
    web_searches: number;
  } | null;
  /** Whether the client was sent that usage. */
  usage_reported: boolean;
  /** Bytes of the answer's body written to the connection, without the chunk framing of HTTP. */
  bytes_sent: number;
  /** What the prompt has beside text; null where nobody looked. */
  media: Media | null;
  /** Content chunks written, over all choices; 0 for a plain answer. */
  chunks_sent: number;
}

const bodiesKept = 100;
const bodyBytesKept = 1024 * 1024;
const credentialHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
]);

/** What the simulator was asked, in memory: the newest entries up to a limit, and the newest 100 bodies. */
export class RequestLog {
  private readonly entries = new Map<number, LogEntry>();
  private readonly bodies = new Map<number, Buffer>();
  private lastNumber = 0;
  private droppedEntries = 0;

  /** @param limit entries kept; the oldest go first */
  constructor(private readonly limit: number) {}

  /** Number of the newest request. */
  get last(): number {
    return this.lastNumber;
  }

  /** Entries lost to the limit since the log was last cleared. An oracle that has dropped some is none. */
  get dropped(): number {
    return this.droppedEntries;
  }

  /** Starts the entry of a request that has just arrived. */
  open(method: string, path: string, query: string, headers: IncomingHttpHeaders): LogEntry {
    const entry: LogEntry = {
      n: ++this.lastNumber,
      request_id: (headers['x-request-id'] as string | undefined) ?? null,
      received_at: new Date().toISOString(),
      method,
      path,
      query,
      model: null,
      stream: false,
      body_bytes: 0,
      headers: redact(headers),
      behaviour: {},
      outcome: 'pending',
      status: null,
      usage: null,
      usage_details: null,
      usage_reported: false,
      bytes_sent: 0,
      media: null,
      chunks_sent: 0,
    };
    this.entries.set(entry.n, entry);
    if (this.entries.size > this.limit) this.droppedEntries += dropOldest(this.entries);
    return entry;
  }

  /** Keeps the first MiB of a body. */
  keepBody(n: number, body: Buffer): void {
    // A copy: the original is a slice of a larger network buffer.
    this.bodies.set(n, Buffer.from(body.subarray(0, bodyBytesKept)));
    if (this.bodies.size > bodiesKept) dropOldest(this.bodies);
  }

  /** The kept part of a body, or undefined when it is no longer, or not yet, there. */
  body(n: number): Buffer | undefined {
    return this.bodies.get(n);
  }

  /** Copies of the entries numbered above `n`, oldest first. */
  after(n: number): LogEntry[] {
    const found: LogEntry[] = [];
    for (const entry of this.entries.values()) if (entry.n > n) found.push({ ...entry });
    return found;
  }

  clear(): void {
    this.entries.clear();
    this.bodies.clear();
    this.droppedEntries = 0;
  }
}

function dropOldest(map: Map<number, unknown>): number {
  for (const n of map.keys()) {
    map.delete(n);
    return 1;
  }
  return 0;
}

function redact(headers: IncomingHttpHeaders): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name in headers) {
    const value = String(headers[name]);
    shown[name] = credentialHeaders.has(name) ? ending(value) : value;
  }
  return shown;
}

/** Four characters of a short value would give too much of it away. */
function ending(credential: string): string {
  return credential.length < 20 ? '[present]' : `[present] …${credential.slice(-4)}`;
}
