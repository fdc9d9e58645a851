import type { Target } from './choose-route/route-table.js';
import { endPart, requestPart, type EventEnd } from './event-parts.js';
import type { Routed } from './exchange/exchange.js';

/**
 * The JSON of usage events, put together from texts that stay the same for a gateway, a key and a target: most of an
 * event's bytes are these, and writing them anew twice a request cost more than the journal itself. Which fields there
 * are, and what each part has of them, says the table of the event's version in `libs/domain/contracts`.
 *
 * Each text must be one that the ledger can hold, and is made so where it enters: ids and accounts by the schema of key
 * snapshots, the journal's id by the schema of `journal.json`, route, provider and model by the schema of
 * `config.yaml`, a model that the caller named by `isModelName`, the client's address by the operating system; all
 * others are ours.
 */

/**
 * The event of an admitted request as far as it is known before the call, without its target: an object that is left
 * open. `gateway` is what `gatewayPart` made.
 */
export function eventHead(gateway: string, exchange: Routed): string {
  const request = requestPart({
    requestId: exchange.requestId,
    stream: exchange.ask.stream,
    holdNanoUsd: exchange.holdNanoUsd,
    startedAt: exchange.startedAtMs,
    clientAddress: exchange.clientAddress,
  });
  return `{${gateway},${exchange.key.eventPart},${request},`;
}

/** An `Intent`: the event of its first target, with what an orphan's final needs. */
export function intentText(exchange: Routed): string {
  const target = exchange.targets[0];
  const event = `${exchange.eventHead}${target.eventPart}}`;
  return `{"event":${event},"inputTokensEstimate":${exchange.ask.inputTokensEstimate},${target.pricePart}}`;
}

/** A whole event. `head` is what `eventHead` made; the target is the one that answered. */
export function finalText(head: string, target: Pick<Target, 'eventPart'>, end: EventEnd): string {
  return `${head}${target.eventPart},${endPart(end)}}`;
}
