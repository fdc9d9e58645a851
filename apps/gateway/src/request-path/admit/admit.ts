import type { Admission } from '@tollgate/admission';
import { isGoverned, type ReserveItem } from '@tollgate/credit';
import { unreachable } from '@tollgate/errors';
import type { Routed } from '../exchange/exchange.js';
import type { GatewayIdentity } from '../exchange/gateway-identity.js';
import type { InFlight } from '../exchange/in-flight.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { boundCost } from './cost-bound.js';
import { closerBound } from './closer-bound.js';
import { exhausted } from './exhausted.js';
import { expectedTokens } from './expected-tokens.js';
import { rateLimitHeaders, retryHeaders } from './rate-limit-headers.js';
import { reserveOnceReady, type ReadyParts, type Tried } from './reserve-once-ready.js';

/** The parts by which `admit` decides and waits. */
export interface AdmitParts extends ReadyParts {
  readonly admission: Admission;
  readonly gateway: GatewayIdentity;
  readonly inFlight: Pick<InFlight, 'endLeft'>;
}

/** What a request holds credit on that costs nothing. */
const FREE = { accounts: [], either: undefined, grants: undefined, isCapped: false } as const;

/** Reserves rate, a parallel place and credit: all of them or none. A key without limits costs nothing here. */
export function admit(parts: AdmitParts): (exchange: Routed) => Refusal | undefined | Promise<Refusal | undefined> {
  const { gateway } = parts;
  return (exchange) => {
    const key = exchange.key;
    exchange.charge = key.charges.on(exchange.route);
    if (!key.governed) return undefined;
    let amountNanoUsd = 0n;
    let outputTokensMax = 0;
    const { accounts, either, grants, isCapped } = exchange.ask.isFree === true ? FREE : exchange.charge;
    if (isCapped) {
      const bound = boundCost(exchange);
      if ('kind' in bound) return bound;
      ({ amountNanoUsd, outputTokensMax } = bound);
      exchange.injectedMaxTokens = bound.injectedMaxTokens;
    }
    const { snapshot } = key;
    const { tokens, openEnded } = expectedTokens(exchange);
    exchange.openEnded = openEnded !== null;
    const item: ReserveItem = {
      requestId: exchange.requestId,
      organizationId: snapshot.organizationId,
      apiKeyId: snapshot.apiKeyId,
      instanceId: gateway.instanceId,
      journalId: gateway.journalId,
      amountNanoUsd,
      accounts,
      either,
      grants,
      rateLimits: snapshot.rateLimits,
      tokens,
      openEnded,
    };
    return decide(exchange, item, outputTokensMax, parts);
  };
}

function decide(
  exchange: Routed,
  item: ReserveItem,
  outputTokensMax: number,
  parts: AdmitParts,
): Promise<Refusal | undefined> {
  return parts.admission
    .reserve(item)
    .then((decision) =>
      decision.kind === 'admitted'
        ? accept(exchange, { item, decision }, parts)
        : reconsider(exchange, { item, decision }, outputTokensMax, parts),
    );
}

/**
 * Tries to improve a refusal: an epoch can be opened, a key joined for the present cycle of its limit, an account
 * loaded, calls whose clients have left can be ended, and a closer bound of the cost can be computed.
 */
async function reconsider(
  exchange: Routed,
  first: Tried,
  outputTokensMax: number,
  parts: AdmitParts,
): Promise<Refusal | undefined> {
  const { admission, inFlight } = parts;
  const tryAgain = async (item: ReserveItem): Promise<Tried> =>
    reserveOnceReady(exchange, { item, decision: await admission.reserve(item) }, parts);
  let { item, decision } = await reserveOnceReady(exchange, first, parts);
  if (decision.kind === 'credit_exhausted' && (await inFlight.endLeft(item.apiKeyId)))
    ({ item, decision } = await tryAgain(item));
  if (decision.kind === 'credit_exhausted') {
    const amountNanoUsd = await closerBound(exchange, outputTokensMax, decision.availableNanoUsd);
    if (amountNanoUsd !== null) ({ item, decision } = await tryAgain({ ...item, amountNanoUsd }));
  }
  return accept(exchange, { item, decision }, parts);
}

function accept(exchange: Routed, { item, decision }: Tried, { admission }: AdmitParts): Refusal | undefined {
  switch (decision.kind) {
    case 'admitted':
      exchange.admitted = true;
      exchange.rate = decision.rate;
      if (isGoverned(item)) exchange.holdNanoUsd = item.amountNanoUsd;
      if (item.either !== undefined || item.grants !== undefined) exchange.held = decision;
      return undefined;
    case 'rate_limited':
      return refuse('rate_limit_exceeded', {
        message: `The limit on ${decision.limit === 'parallel' ? 'parallel requests' : `${decision.limit} per minute`} of the API key is reached.`,
        headers: [...retryHeaders(decision.retryAfterMs), ...rateLimitHeaders(decision.rate, exchange.errors)],
      });
    case 'credit_exhausted':
      admission.refused(item, decision);
      return exhausted(item, decision);
    case 'unavailable':
      return refuse('credit_unavailable', { headers: retryHeaders(1_000) });
    default:
      return unreachable(decision);
  }
}
