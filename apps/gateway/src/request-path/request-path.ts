import type { Admission } from '@tollgate/admission';
import { readAway } from '@tollgate/http';
import type { SealedIds } from '@tollgate/sealing';
import type { Logger } from '@tollgate/telemetry';
import type { Endpoint } from '../endpoints/endpoint.js';
import type { Journal } from '../journal/journal.js';
import type { AccountLoads } from './admit/account-loads.js';
import { answerHere } from './answer-here/answer-here.js';
import { admit } from './admit/admit.js';
import type { GatewayIdentity } from './exchange/gateway-identity.js';
import type { CreditEpochs } from './admit/credit-epochs.js';
import { awaitBody } from './exchange/await-body.js';
import type { OpenRequests } from './open-requests/open-requests.js';
import type { RefusedBodies } from './open-requests/refused-bodies.js';
import { checkBrowser } from './check-browser/check-browser.js';
import { checkNetwork } from './check-network/check-network.js';
import { checkScope } from './check-scope/check-scope.js';
import { chooseRoute } from './choose-route/choose-route.js';
import type { RouteTable } from './choose-route/route-table.js';
import { isIdentified, isJournaled, isReceived, isRouted, type Exchange, type Journaled } from './exchange/exchange.js';
import type { CallOutcome } from './forward/call.js';
import { forward } from './forward/forward.js';
import { unanswered } from './forward/reports-in-vain.js';
import type { DigestMemory } from './identify-key/digest-memory.js';
import { identifyKey } from './identify-key/identify-key.js';
import type { KeyCache } from './identify-key/key-cache.js';
import type { NewDigests } from './identify-key/new-digests.js';
import { KeyLook } from './identify-key/look-again.js';
import type { InFlight } from './exchange/in-flight.js';
import { journalIntent } from './journal-intent/journal-intent.js';
import { passHeaders } from './pass-headers/pass-headers.js';
import { readCredential } from './read-credential/read-credential.js';
import { receiveBody } from './receive-body/receive-body.js';
import type { OwnAnswer } from './exchange/own-answer.js';
import { refuse, type Refusal } from './exchange/refusal.js';
import { sendRefusal, sendReply } from './exchange/reply.js';
import type { RequestLog } from './exchange/request-log.js';
import type { TellRefused } from './refused-calls/tell-refused.js';
import type { RequestMeter } from './request-metrics.js';
import { ownIds } from './own-ids/own-ids.js';
import { skipBusy } from './skip-busy/skip-busy.js';
import { speak } from './speak/speak.js';
import { StepList } from './step-list.js';
import { watchClient } from './exchange/watch-client.js';
import { release, settle } from './settle/settle.js';

/** The parts of the gateway that the path needs. */
export interface RequestPathParts {
  readonly admission: Admission;
  readonly bodyBytesMax: number;
  readonly openRequests: OpenRequests;
  readonly epochs: CreditEpochs;
  readonly gateway: GatewayIdentity;
  readonly inFlight: InFlight;
  readonly journal: Journal;
  readonly keys: KeyCache;
  readonly loads: AccountLoads;
  readonly log: RequestLog;
  readonly logger: Logger;
  readonly meter: RequestMeter;
  /** The cache of digests, shared by all endpoints. */
  readonly digests: DigestMemory;
  /** Takes keys that are known only under the previous pepper. */
  readonly newDigests: Pick<NewDigests, 'note'>;
  readonly priceVersion: string;
  readonly refusedBodies: RefusedBodies;
  readonly refusedCalls: Pick<TellRefused, 'note'>;
  readonly routes: RouteTable;
  readonly sealedIds: SealedIds;
}

/**
 * The steps of a request before a provider is called, in order. Each step may refuse with the codes above it. The list
 * is the same for all endpoints; only the scope and the dialect differ.
 */
function steps({ scope, dialect }: Endpoint, parts: RequestPathParts, look: KeyLook): StepList<Journaled> {
  const hasScope = checkScope(scope);
  return (
    StepList.begin()
      // 401 missing_api_key
      .then(readCredential)
      // 401 invalid_api_key, expired_api_key; 402 subscription_expired; 429 rate_limit_exceeded; 503 keys_unavailable
      .reach(isIdentified, identifyKey(parts.keys, parts.digests, parts.newDigests))
      // 403 ip_not_allowed
      .then(checkNetwork)
      // 403 access_denied: a web page uses a key that is not for web pages
      .then(checkBrowser)
      // 403 access_denied: the key lacks the scope, or is a project key
      .then(hasScope)
      // 429 rate_limit_exceeded: this process counts the key's open requests
      .then((exchange) => parts.openRequests.begin(exchange))
      // 429 rate_limit_exceeded: the key had no request left after an earlier large body
      .then((exchange) => parts.refusedBodies.check(exchange))
      // 400 invalid_json, invalid_request; 408; 413 body_too_large; 415; 429, 503 server_busy; the codes of a key's end
      .reach(isReceived, awaitBody(receiveBody(parts.bodyBytesMax, dialect)))
      // 401 invalid_api_key, expired_api_key; 402 subscription_expired; 503 keys_unavailable
      .then(look.afterBody)
      // 403 as above, where the key was changed while its body came
      .then(look.takeChanges([checkNetwork, checkBrowser, hasScope]))
      // 404 model_not_found; 403 route_access_denied, model_access_denied; 400 invalid_request;
      // 503 provider_not_configured
      .reach(isRouted, chooseRoute(parts.routes))
      // 429 rate_limit_exceeded; an answer of our own, where no provider is needed for one
      .then(answerHere(dialect, admit(parts)))
      // 400 previous_response_not_found
      .then(ownIds(parts.sealedIds))
      // 404 model_not_found: no provider of the model speaks the dialect, and none can be translated for;
      // 400 invalid_request: the request says what no target can be told
      .then(speak(dialect, parts.sealedIds))
      // 400 invalid_request: a header asks for what the provider's entry does not allow
      .then(passHeaders)
      // 503 provider_busy
      .then(skipBusy)
      // 429 rate_limit_exceeded; 402 quota_exceeded, insufficient_balance; 400 unbounded_cost; 503 credit_unavailable
      .then(admit(parts))
      // the same as after the body, since admission may have waited
      .then(look.again)
      // 503 journal_unavailable
      .reach(isJournaled, journalIntent(parts.journal, parts.gateway, parts.priceVersion))
  );
}

/**
 * Makes the request path of an endpoint: the steps above; then `forward` (429, 502, 503 and 504 of the provider; other
 * targets are tried only before the first data, and the key is checked again before each call); then `settle`, always
 * and once; then the last byte of the reply.
 */
export function requestPath(endpoint: Endpoint, parts: RequestPathParts): (exchange: Exchange) => Promise<void> {
  const look = new KeyLook(parts.keys);
  const list = steps(endpoint, parts, look);
  const path = list.steps;
  const settleCall = settle(parts.journal, parts.admission, (exchange, target, lossNanoUsd, usage, inVain) => {
    parts.meter.lost(target.provider.name, lossNanoUsd);
    parts.log.loss(exchange, target, lossNanoUsd, usage, inVain);
  });

  async function run(arrived: Exchange): Promise<void> {
    // By index: an iterator, which a function that awaits cannot do without, makes an object for each step.
    for (let at = 0; at < path.length; at++) {
      const outcome = path[at]!(arrived);
      const end = outcome instanceof Promise ? await outcome : outcome;
      if (end === undefined) continue;
      release(parts.admission, arrived);
      if (end.kind === 'own_answer') return sendOwnAnswer(parts, arrived, end);
      parts.refusedBodies.charge(arrived, end);
      return answerRefusal(parts, arrived, end);
    }
    const exchange = list.through(arrived);
    exchange.openRequest?.decided();
    exchange.calledAt = performance.now();
    watchClient(exchange, parts.admission);
    const call: CallOutcome = await forward(exchange, parts.log, look);
    exchange.answeredAt = performance.now();
    const repeatedBy = exchange.credentialRepeatedBy;
    if (repeatedBy !== null) {
      parts.meter.credentialRepeated(repeatedBy.provider.name);
      parts.log.credentialRepeated(exchange, repeatedBy);
    }
    await settleCall(exchange, call);
    call.finish();
    parts.meter.served(exchange, call.outcome);
  }

  return async (exchange) => {
    parts.inFlight.add(exchange);
    try {
      await run(exchange);
    } catch (error) {
      parts.logger.error({ requestId: exchange.requestId, err: error }, 'a request failed unexpectedly');
      await endUnexpected(exchange, parts, settleCall);
    } finally {
      parts.openRequests.end(exchange);
      parts.inFlight.remove(exchange);
    }
  };
}

/** The outcome of a request that the gateway answered itself, in the count of requests. */
const TOLD = 'told';

/** Sends and counts an answer of the gateway's own. */
export function sendOwnAnswer(
  { meter }: Pick<RequestPathParts, 'meter'>,
  exchange: Exchange,
  { body, headers }: OwnAnswer,
): void {
  meter.refused(TOLD);
  sendReply(exchange, 200, 'application/json', body, headers);
  readAway(exchange.request);
}

/** Answers, counts and logs a refused request. */
export function answerRefusal(
  { meter, log, refusedCalls }: Pick<RequestPathParts, 'meter' | 'log' | 'refusedCalls'>,
  exchange: Exchange,
  refusal: Refusal,
): void {
  meter.refused(refusal.code);
  refusedCalls.note(exchange, refusal.code);
  log.refused(exchange, refusal);
  sendRefusal(exchange, refusal);
  // After the end of a key the rest of its body is not read.
  if (exchange.keyEnd === null) readAway(exchange.request);
}

/** Ends a request after a bug of ours: gives back what was reserved, and journals a final if an intent was written. */
async function endUnexpected(
  exchange: Exchange,
  parts: RequestPathParts,
  settleCall: ReturnType<typeof settle>,
): Promise<void> {
  parts.meter.refused('internal_error');
  if (isJournaled(exchange) && exchange.journaled.intended && !exchange.settled) {
    const target = exchange.targets[0];
    await settleCall(exchange, unanswered(exchange, { target, outcome: 'provider_failed', finish: () => undefined }));
  }
  release(parts.admission, exchange);
  if (exchange.reply.headersSent) exchange.reply.destroy();
  else sendRefusal(exchange, refuse('internal_error'));
}
