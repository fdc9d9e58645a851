import { checkRoute, isAccessRefused } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import { keepTargets, type Received } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { shown, targetsAllowing } from './allowed-fields.js';
import { orderTargets, type RouteTable } from './route-table.js';

/** Which provider's model answers to the name asked for, and whether the key may use it. */
export function chooseRoute(routes: RouteTable): (exchange: Received) => Refusal | undefined {
  return (exchange) => {
    const { model, others } = exchange.ask;
    const route = checkRoute(exchange.key, model, routes.find(model));
    if (isAccessRefused(route)) return accessRefusal(route, model);
    exchange.route = route;
    keepTargets(exchange, orderTargets(route.targets, Math.random));
    return others.length === 0 ? undefined : refuseElsewhere(exchange);
  };
}

/**
 * A field that names another model, address or credential would lead past the route, its price and the key's list of
 * models. Providers whose entry does not allow it are passed over.
 */
function refuseElsewhere(exchange: Received): Refusal | undefined {
  const { targets, missing } = targetsAllowing(
    exchange.targets,
    exchange.ask.others.filter(({ use }) => use === 'elsewhere'),
  );
  keepTargets(exchange, targets);
  if (missing === null) return undefined;
  return refuse('invalid_request', {
    message: `The field ${shown(missing.name)} can name another model, address or credential than the route's. allow_fields of the provider's entry in the configuration can allow it.`,
    param: shown(missing.name),
  });
}
