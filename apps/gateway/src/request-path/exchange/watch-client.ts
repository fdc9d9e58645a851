import type { ServerResponse } from 'node:http';
import type { Admission } from '@tollgate/admission';
import type { Identified } from './exchange.js';

/**
 * How long a provider is heard out for its usage after the client has left; calls are looked at four times a second.
 */
const HEARD_MS_MAX = 9_700;

interface Watched extends ServerResponse {
  exchange?: Identified;
  admission?: Admission;
}

/**
 * From here on it is noticed when the client leaves: then its request takes none of the key's parallel places any
 * more, and its provider is heard for a while, since what it reports is charged. One function serves all requests.
 */
export function watchClient(exchange: Identified, admission: Admission): void {
  const reply: Watched = exchange.reply;
  reply.exchange = exchange;
  reply.admission = admission;
  reply.on('close', leave);
}

function leave(this: Watched): void {
  const { exchange, admission } = this;
  this.exchange = this.admission = undefined;
  if (exchange === undefined || exchange.settled || exchange.clientLeft) return;
  exchange.clientLeft = true;
  exchange.callEndsAt = Math.min(exchange.callEndsAt, performance.now() + HEARD_MS_MAX);
  const { snapshot } = exchange.key;
  if (exchange.admitted && snapshot.rateLimits.parallelRequests !== null)
    admission?.leave(exchange.requestId, snapshot.organizationId);
  exchange.call?.clientLeft();
}
