import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { ReplyCheck, type Reply } from './check-reply.js';
import { routesToFuzz, type ApiDocument, type Documented } from './documented.js';
import { Requests, type FuzzRequest } from './requests.js';

/** How long and from where on to fuzz. */
export interface FuzzOptions {
  /** The origin with the API. */
  readonly url: string;
  readonly document: ApiDocument;
  readonly adminSecret: string;
  /** The same seed makes the same requests, as long as replies name the same ids. */
  readonly seed: number;
  /** Requests of each route. */
  readonly requests: number;
}

/** A reply that the document does not have, and what was asked for. */
interface Finding {
  readonly route: string;
  readonly fault: string;
  readonly request: string;
  readonly reply: string;
}

/** What was found, and how many replies had each status. */
export interface FuzzResult {
  readonly findings: readonly Finding[];
  readonly statuses: Readonly<Record<string, number>>;
}

const FINDINGS_MAX = 20;

/**
 * Sends requests to every route that a document has, as documented and otherwise, and holds the replies to it. Routes
 * take turns, so that what one has made is there for the next.
 */
export async function fuzz({ url, document, adminSecret, seed, requests }: FuzzOptions): Promise<FuzzResult> {
  const made = new Requests(document, adminSecret);
  const check = new ReplyCheck(document);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const findings: Finding[] = [];
  const statuses: Record<string, number> = {};
  const routes = routesToFuzz(document);
  try {
    for (let turn = 0; turn < requests; turn++)
      for (const [at, route] of routes.entries()) {
        const [one] = fc.sample(made.of(route), { numRuns: 1, seed: seed + turn * 1_000 + at });
        if (one === undefined) continue;
        const reply = await send(agent, url, one);
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
        learn(made, reply);
        const fault = check.faultOf(route, reply);
        if (fault !== null) findings.push(findingOf(route, fault, one, reply));
        if (findings.length >= FINDINGS_MAX) return { findings, statuses };
      }
  } finally {
    agent.destroy();
  }
  return { findings, statuses };
}

function send(agent: Agent, url: string, { method, path, headers, body }: FuzzRequest): Promise<Reply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ agent, hostname, port, method, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
}

function learn(made: Requests, { status, body }: Reply): void {
  if (status >= 300 || body.length === 0) return;
  try {
    made.learn(JSON.parse(body.toString()));
  } catch {
    // A list in another form than JSON names no id.
  }
}

const SHOWN_MAX = 600;

const findingOf = ({ id }: Documented, fault: string, { method, path, headers, body }: FuzzRequest, reply: Reply) => ({
  route: id,
  fault,
  request: `${method} ${path} ${JSON.stringify({ ...headers, authorization: headers['authorization'] && '…' })} ${body?.toString() ?? ''}`.slice(0, SHOWN_MAX),
  reply: `${reply.status} ${reply.body.toString()}`.slice(0, SHOWN_MAX),
}); // prettier-ignore
