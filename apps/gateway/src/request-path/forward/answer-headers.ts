import { formatUsd } from '@tollgate/credit';
import type { Target } from '../choose-route/route-table.js';
import { speechTo, type Journaled } from '../exchange/exchange.js';
import { headerText } from '../exchange/header-text.js';

const COST = 'x-tollgate-cost-usd';
/** In the place of the cost where the model has no known price. */
const UNPRICED = 'x-tollgate-unpriced';
const MICROSECONDS = 1_000;

/**
 * The headers of a plain reply of a provider: who answered, what it cost, and how long it was in the gateway. Call it
 * once the request is settled.
 */
export function plainAnswerHeaders(exchange: Journaled, target: Target): readonly string[] {
  const { arrivedAt, calledAt, answeredAt } = exchange;
  const overheadMs = performance.now() - answeredAt + calledAt - arrivedAt;
  const headers = [...target.nameHeaders, 'x-tollgate-overhead-ms', inMs(overheadMs)];
  const cost = toldCost(exchange, target);
  if (cost === null) headers.push(UNPRICED, 'true');
  else headers.push(COST, formatUsd(cost));
  addLeftOut(headers, exchange, target);
  return headers;
}

/** What a caller is told that a call cost, in nano-USD; null where the model has no known price: that is not zero. */
export function toldCost(exchange: Pick<Journaled, 'chargeNanoUsd'>, target: Pick<Target, 'unpriced'>): bigint | null {
  return target.unpriced === true ? null : exchange.chargeNanoUsd;
}

/**
 * The headers of a stream: who answers, and how long the request was in the gateway before its call. The cost follows
 * in a trailer.
 */
export function streamHeaders(exchange: Journaled, target: Target): readonly string[] {
  const overheadMs = exchange.calledAt - exchange.arrivedAt;
  const headers = [...target.nameHeaders, 'x-tollgate-overhead-ms', inMs(overheadMs)];
  if (target.unpriced === true) headers.push(UNPRICED, 'true');
  else if (takesTrailers(exchange)) headers.push('trailer', COST);
  addLeftOut(headers, exchange, target);
  return headers;
}

/** Adds the cost of a stream behind its last event. Call it once the request is settled, before the reply ends. */
export function addCostTrailer(exchange: Journaled, target: Target): void {
  const cost = toldCost(exchange, target);
  if (cost !== null && takesTrailers(exchange)) exchange.reply.addTrailers([[COST, formatUsd(cost)]]);
}

/** A client of HTTP/1.0 reads no chunks, and trailers follow the last chunk. */
const takesTrailers = ({ reply }: Journaled): boolean => reply.useChunkedEncodingByDefault;

/** Milliseconds to the microsecond. */
const inMs = (ms: number): string => String(Math.round(ms * MICROSECONDS) / MICROSECONDS);

/** The most parts that are named: clients take heads of some kilobytes. */
const LEFT_OUT_MAX = 20;

/** Names the parts of the request, and of its headers, that the provider was not sent. */
function addLeftOut(headers: string[], exchange: Journaled, target: Target): void {
  const ofHeaders = exchange.callerHeaders?.get(target.provider)?.leftOut;
  const ofBody = speechTo(exchange, target).leftOut(target);
  const leftOut = ofHeaders === undefined ? ofBody : [...ofBody, ...ofHeaders];
  if (leftOut.length === 0) return;
  const shown = leftOut.slice(0, LEFT_OUT_MAX).map(headerText);
  if (leftOut.length > LEFT_OUT_MAX) shown.push(`and ${leftOut.length - LEFT_OUT_MAX} more`);
  headers.push('x-tollgate-left-out', shown.join(', '));
}
