import type { Dialect } from '../../dialects/dialect.js';
import { keepTargets, type Routed } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** Removes targets whose provider does not speak the endpoint's dialect. */
export function skipDialect({ name }: Pick<Dialect, 'name'>): (exchange: Routed) => Refusal | undefined {
  return (exchange) => {
    const { targets } = exchange;
    if (targets.every(({ provider }) => provider.dialects.has(name))) return undefined;
    const left = targets.filter(({ provider }) => provider.dialects.has(name));
    if (keepTargets(exchange, left)) return undefined;
    return refuse('model_not_found', {
      message: `The model ${JSON.stringify(exchange.ask.model)} is not served at this endpoint.`,
      param: 'model',
    });
  };
}
