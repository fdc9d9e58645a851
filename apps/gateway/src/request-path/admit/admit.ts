import type { Admission } from '@tollgate/admission';
import { formatUsd, type AdmissionDecision, type ReserveItem } from '@tollgate/credit';
import { unreachable } from '@tollgate/errors';
import type { Routed } from '../exchange/exchange.js';
import type { GatewayIdentity } from '../exchange/gateway-identity.js';
import type { InFlight } from '../exchange/in-flight.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { boundCost } from './cost-bound.js';
import { closerBound } from './closer-bound.js';
import type { CreditEpochs } from './credit-epochs.js';
import { expectedTokens } from './expected-tokens.js';
import { rateLimitHeaders, retryHeaders } from './rate-limit-headers.js';

/** The parts by which `admit` decides and waits. */
export interface AdmitParts {
  readonly admission: Admission;
  readonly epochs: CreditEpochs;
  readonly gateway: GatewayIdentity;
  readonly inFlight: Pick<InFlight, 'endLeft'>;
}

type Stores = Omit<AdmitParts, 'gateway'>;

/** Reserves rate, a parallel place and credit: all of them or none. A key without limits costs nothing here. */
export function admit({
  admission,
  epochs,
  gateway,
  inFlight,
}: AdmitParts): (exchange: Routed) => Refusal | undefined | Promise<Refusal | undefined> {
  const stores = { admission, epochs, inFlight };
  return (exchange) => {
    const key = exchange.key;
    if (!key.governed) return undefined;
    let amountNanoUsd = 0n;
    let outputTokensMax = 0;
    if (key.cappedAccounts.length > 0) {
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
      accounts: key.cappedAccounts,
      rateLimits: snapshot.rateLimits,
      tokens,
      openEnded,
    };
    return decide(exchange, item, outputTokensMax, stores);
  };
}

function decide(
  exchange: Routed,
  item: ReserveItem,
  outputTokensMax: number,
  stores: Stores,
): Promise<Refusal | undefined> {
  return stores.admission
    .reserve(item)
    .then((decision) =>
      decision.kind === 'admitted'
        ? accept(exchange, item, decision)
        : reconsider(exchange, item, decision, outputTokensMax, stores),
    );
}

/**
 * Tries to improve a refusal: an epoch can be opened, calls whose clients have left can be ended, and a closer bound of
 * the cost can be computed.
 */
async function reconsider(
  exchange: Routed,
  item: ReserveItem,
  first: AdmissionDecision,
  outputTokensMax: number,
  stores: Stores,
): Promise<Refusal | undefined> {
  const { admission, epochs, inFlight } = stores;
  let decision =
    first.kind === 'unavailable' && first.why !== 'store_unreachable'
      ? await epochs.reserveOnceOpen(item, first)
      : first;
  if (decision.kind === 'credit_exhausted' && (await inFlight.endLeft(item.apiKeyId)))
    decision = await admission.reserve(item);
  if (decision.kind === 'credit_exhausted') {
    const amountNanoUsd = await closerBound(exchange, outputTokensMax, decision.availableNanoUsd);
    if (amountNanoUsd !== null) {
      const closer = { ...item, amountNanoUsd };
      return accept(exchange, closer, await admission.reserve(closer));
    }
  }
  return accept(exchange, item, decision);
}

function accept(exchange: Routed, item: ReserveItem, decision: AdmissionDecision): Refusal | undefined {
  switch (decision.kind) {
    case 'admitted':
      exchange.admitted = true;
      exchange.rate = decision.rate;
      if (item.accounts.length > 0) exchange.holdNanoUsd = item.amountNanoUsd;
      return undefined;
    case 'rate_limited':
      return refuse('rate_limit_exceeded', {
        message: `The limit on ${decision.limit === 'parallel' ? 'parallel requests' : `${decision.limit} per minute`} of the API key is reached.`,
        headers: [...retryHeaders(decision.retryAfterMs), ...rateLimitHeaders(decision.rate)],
      });
    case 'credit_exhausted':
      return refuse('quota_exceeded', { message: exhausted(item, decision) });
    case 'unavailable':
      return refuse('credit_unavailable', { headers: retryHeaders(1_000) });
    default:
      return unreachable(decision);
  }
}

/** Says which limit is reached, what is left of it, and the most that the request can cost. */
function exhausted(
  { apiKeyId, amountNanoUsd }: ReserveItem,
  { accountId, availableNanoUsd }: Extract<AdmissionDecision, { kind: 'credit_exhausted' }>,
): string {
  const whose = accountId === `key:${apiKeyId}` ? 'API key' : 'organization';
  return `The credit limit of the ${whose} has ${formatUsd(availableNanoUsd)} USD left, and this request can cost ${formatUsd(amountNanoUsd)} USD at most.`;
}
