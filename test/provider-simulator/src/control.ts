import type { ServerResponse } from 'node:http';
import { checkStandingBehaviour } from './behaviour.js';
import type { Gate } from './gate.js';
import type { RequestLog } from './log.js';
import type { Memory } from './memory.js';
import type { StandingBehaviours } from './standing-behaviour.js';

/** What the control endpoints act on. */
export interface Controlled {
  standing: StandingBehaviours;
  gate: Gate;
  log: RequestLog;
  memory: Memory;
}

/** Answers `/simulator/*`. Errors are `{error: {message}}`. */
export function answerControl(
  controlled: Controlled,
  method: string,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): void {
  const { standing, gate, log } = controlled;
  switch (`${method} ${url.pathname}`) {
    case 'GET /simulator/state':
      return send(response, 200, state(controlled));
    case 'POST /simulator/behaviour':
      return changeBehaviour(controlled, body, response);
    case 'POST /simulator/reset':
      standing.set({});
      gate.open();
      return send(response, 200, state(controlled));
    case 'POST /simulator/gate/close':
      gate.close();
      return send(response, 200, state(controlled));
    case 'POST /simulator/gate/open':
      gate.open();
      return send(response, 200, state(controlled));
    case 'GET /simulator/log':
      return sendLog(log, url.searchParams.get('after') ?? '0', response);
    case 'DELETE /simulator/log':
      log.clear();
      return send(response, 200, state(controlled));
    default:
      return sendBody(log, method, url.pathname, response);
  }
}

/** What stands now: `GET /simulator/state`, and the answer to every change. */
function state({ standing, gate, log }: Controlled): object {
  return {
    behaviour: standing.current(),
    gate: { closed: gate.closed, waiting: gate.waiting },
    log: { last: log.last, dropped: log.dropped },
  };
}

function changeBehaviour(controlled: Controlled, body: Buffer, response: ServerResponse): void {
  let told: unknown;
  try {
    told = JSON.parse(body.toString('utf8'));
  } catch {
    return refuse(response, 400, 'the body is not JSON');
  }
  const checked = checkStandingBehaviour(told);
  if (checked.kind === 'invalid') return refuse(response, 400, checked.problems.join('; '));
  controlled.standing.set(checked.behaviour);
  return send(response, 200, state(controlled));
}

function sendLog(log: RequestLog, after: string, response: ServerResponse): void {
  if (!/^\d{1,15}$/.test(after)) return refuse(response, 400, 'after: expected the number of an entry');
  send(response, 200, { entries: log.after(Number(after)), dropped: log.dropped });
}

function sendBody(log: RequestLog, method: string, path: string, response: ServerResponse): void {
  const asked = /^\/simulator\/log\/(\d{1,15})\/body$/.exec(path);
  if (method !== 'GET' || asked === null)
    return refuse(response, 404, 'the simulator has no such control; its README lists them');
  const kept = log.body(Number(asked[1]));
  if (kept === undefined) return refuse(response, 404, 'no body is kept for this number');
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': kept.length }).end(kept);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  send(response, status, { error: { message } });
}

function send(response: ServerResponse, status: number, value: object): void {
  const json = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': json.length }).end(json);
}
