import type { Dialect } from '../../dialects/dialect.js';
import { speaks } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { ownAnswer, type OwnAnswer } from '../exchange/own-answer.js';

/**
 * Answers a request itself if its dialect can do so and no provider of its model speaks the dialect: a count of tokens
 * has an answer for every model.
 */
export function answerHere(
  dialect: Pick<Dialect, 'name' | 'answerHere'>,
): (exchange: Routed) => undefined | Promise<OwnAnswer> {
  if (dialect.answerHere === undefined) return () => undefined;
  return (exchange) => {
    const { ask, targets } = exchange;
    if (targets.some((target) => speaks(target, dialect.name))) return undefined;
    return dialect.answerHere?.(ask, targets[0]).then((body) => ownAnswer(body));
  };
}
