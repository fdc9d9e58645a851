import { checkRoute, isAccessRefused } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Exchange } from '../exchange.js';
import { refuse, type Refusal } from '../refusal.js';
import { shown, targetsAllowing } from './allowed-fields.js';
import { orderTargets, type RouteTable } from './route-table.js';

/** Which provider's model answers to the name asked for, and whether the key may use it. */
export function chooseRoute(routes: RouteTable): (exchange: Exchange) => Refusal | undefined {
  return (exchange) => {
    const route = checkRoute(exchange.key!, exchange.model, routes.find(exchange.model));
    if (isAccessRefused(route)) return accessRefusal(route, exchange.model);
    exchange.route = route;
    exchange.targets = orderTargets(route.targets, Math.random);
    return exchange.fields!.others.length === 0 ? undefined : refuseElsewhere(exchange);
  };
}

/**
 * A field that names another model, address or credential would lead past the route, its price and the key's list of
 * models. Providers whose entry does not allow it are passed over.
 */
function refuseElsewhere(exchange: Exchange): Refusal | undefined {
  const { targets, missing } = targetsAllowing(
    exchange.targets,
    exchange.fields!.others.filter(({ use }) => use === 'elsewhere'),
  );
  exchange.targets = targets;
  if (missing === null) return undefined;
  return refuse('invalid_request', {
    message: `The field ${shown(missing.name)} can name another model, address or credential than the route's. allow_fields of the provider's entry in the configuration can allow it.`,
    param: shown(missing.name),
  });
}
