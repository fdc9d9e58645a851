import type { ServerResponse } from 'node:http';
import type { Admission } from '@tollgate/admission';
import type { Identified } from './exchange.js';

/** How long a call goes on for its usage after the client has left. Calls are checked four times a second. */
const HEARD_MS_MAX = 9_700;

interface Watched extends ServerResponse {
  exchange?: Identified;
  admission?: Admission;
}

/**
 * From now on, notices when the client leaves. The request then gives back its parallel place, and its call goes on for
 * a while, because the usage that the provider reports is charged. One listener serves all requests, without a closure.
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
  exchange.providerCall?.clientLeft();
}
