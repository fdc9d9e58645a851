import type { ReadEndpoint } from '../endpoints/endpoint.js';
import type { ModelCatalogue } from '../endpoints/models/model-catalogue.js';
import { checkBrowser } from './check-browser/check-browser.js';
import { checkNetwork } from './check-network/check-network.js';
import { checkScope } from './check-scope/check-scope.js';
import { isIdentified, type Exchange, type Identified } from './exchange/exchange.js';
import { ownAnswer } from './exchange/own-answer.js';
import { isRefusal, refuse } from './exchange/refusal.js';
import { sendRefusal } from './exchange/reply.js';
import { identifyKey } from './identify-key/identify-key.js';
import { readCredential } from './read-credential/read-credential.js';
import { answerRefusal, sendOwnAnswer, type RequestPathParts } from './request-path.js';
import { StepList } from './step-list.js';

/** What a key may use changes with its groups, so no cache on the way may keep it. */
const CACHING = ['cache-control', 'private, no-cache'];

/**
 * The steps of a request that asks what a key may use. They are those of a call up to the scope, with the same
 * refusals: nothing is forwarded, so nothing is admitted, journaled or charged.
 */
function steps(endpoint: ReadEndpoint, parts: RequestPathParts, catalogue: ModelCatalogue): StepList<Identified> {
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
      .then(checkScope(endpoint.scope))
      // 401 invalid_api_key, expired_api_key; 402 subscription_expired: the key has ended meanwhile
      .then(({ keyEnd }) => keyEnd ?? undefined)
      // the answer, or the refusals that it needs
      .then((exchange) => {
        const answer = endpoint.answer(exchange, catalogue);
        return isRefusal(answer) ? answer : ownAnswer(answer, CACHING);
      })
  );
}

/** Makes the path of an endpoint that calls no model: the steps above, then its answer. */
export function readPath(
  endpoint: ReadEndpoint,
  parts: RequestPathParts,
  catalogue: ModelCatalogue,
): (exchange: Exchange) => Promise<void> {
  const list = steps(endpoint, parts, catalogue);

  async function run(arrived: Exchange): Promise<void> {
    for (const step of list.steps) {
      const outcome = step(arrived);
      const end = outcome instanceof Promise ? await outcome : outcome;
      if (end === undefined) continue;
      return end.kind === 'own_answer' ? sendOwnAnswer(parts, arrived, end) : answerRefusal(parts, arrived, end);
    }
  }

  return async (exchange) => {
    parts.inFlight.add(exchange);
    try {
      await run(exchange);
    } catch (error) {
      parts.logger.error({ requestId: exchange.requestId, err: error }, 'a request failed unexpectedly');
      parts.meter.refused('internal_error');
      sendRefusal(exchange, refuse('internal_error'));
    } finally {
      parts.inFlight.remove(exchange);
    }
  };
}
