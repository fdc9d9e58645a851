import type { Dialect } from '../../dialects/dialect.js';
import { speaks } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { ownAnswer, type OwnAnswer } from '../exchange/own-answer.js';
import type { Refusal } from '../exchange/refusal.js';

/**
 * Answers a request itself if its dialect can do so and no provider of its model speaks the dialect: a count of tokens
 * has an answer for every model. `admit` takes it from the key's rate first, as it does for a call.
 */
export function answerHere(
  dialect: Pick<Dialect, 'name' | 'answerHere'>,
  admit: (exchange: Routed) => Refusal | undefined | Promise<Refusal | undefined>,
): (exchange: Routed) => undefined | Promise<OwnAnswer | Refusal> {
  const answer = dialect.answerHere;
  if (answer === undefined) return () => undefined;
  return (exchange) => {
    const { ask, targets } = exchange;
    if (targets.some((target) => speaks(target, dialect.name))) return undefined;
    return (async () => (await admit(exchange)) ?? ownAnswer(await answer(ask, targets[0])))();
  };
}
