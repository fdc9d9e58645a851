import type { Target } from './choose-route/route-table.js';
import { openedRequestPart, requestPart } from './event-parts.js';
import { chargeOfExchange, type Routed } from './exchange/exchange.js';
import { eventPartWith } from './identify-key/key-charge.js';

/**
 * The JSON of usage events, assembled from texts that are made once for a gateway, a key and a target. Most of an
 * event's bytes are in them, and writing these twice for each request cost more than the journal itself. The fields,
 * and the part to which each belongs, are in the table of the event's version in `libs/domain/contracts`.
 *
 * The ledger must be able to store each text. This is checked where a text enters: ids and accounts by the schema of
 * key snapshots, the journal's id by the schema of `journal.json`, route, provider and model by the schema of
 * `config.yaml`, a model that the caller named by `isModelName`, and the client's address by the operating system. All
 * other texts are ours.
 */

/**
 * The event of an admitted request before its call: an object without its target, and without its closing brace.
 * `gateway` is the result of `gatewayPart`.
 */
export function eventHead(gateway: string, exchange: Routed): string {
  const charge = chargeOfExchange(exchange);
  const { routeGroupId, otherRouteGroupIds } = charge;
  const values = {
    requestId: exchange.requestId,
    stream: exchange.ask.stream,
    holdNanoUsd: exchange.holdNanoUsd,
    startedAt: exchange.startedAtMs,
    // A client whom a proxy does not tell has no address: the proxy's is nobody's.
    clientAddress: exchange.addressIsKnown ? exchange.clientAddress : '',
  };
  const request =
    routeGroupId === null ? requestPart(values) : openedRequestPart({ ...values, routeGroupId, otherRouteGroupIds });
  return `{${gateway},${eventPartWith(charge, exchange.held)},${request},`;
}

/** The JSON of an `Intent`: the event for the first target, and what an orphan's final needs besides. */
export function intentText(exchange: Routed): string {
  const target = exchange.targets[0];
  const event = `${exchange.eventHead}${target.eventPart}}`;
  return `{"event":${event},"inputTokensEstimate":${exchange.ask.inputTokensEstimate},${target.pricePart}}`;
}

/**
 * The whole event. `head` is the result of `eventHead`, `target` is the one that answered, and `end` is the result of
 * `endPart` or `plainEndPart`.
 */
export function finalText(head: string, target: Pick<Target, 'eventPart'>, end: string): string {
  return `${head}${target.eventPart},${end}}`;
}
