import { checkRoute, isAccessRefused, reachableTargets } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import { keepTargets, type Received } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { shown, targetsAllowing } from './allowed-fields.js';
import { orderTargets, type RouteTable } from './route-table.js';

const PRICES_UNREADABLE = refuse('keys_unavailable', {
  message: 'The prices of the organisation cannot be read by this gateway: they are of a later release.',
  headers: ['retry-after', '1'],
});

/** Finds the route for the model that was asked for, and checks that the key may use it. */
export function chooseRoute(routes: RouteTable): (exchange: Received) => Refusal | undefined {
  return (exchange) => {
    const { model, others } = exchange.ask;
    const priced = routes.at(exchange.key.organization.snapshot);
    if (priced === null) return PRICES_UNREADABLE;
    const route = checkRoute(exchange.key, model, priced.find(model));
    if (isAccessRefused(route)) return accessRefusal(route, model);
    exchange.route = route;
    keepTargets(exchange, orderTargets(reachableTargets(exchange.key, route), Math.random));
    return others.length === 0 ? undefined : refuseElsewhere(exchange);
  };
}

/**
 * Refuses fields that name another model, address or credential, since they would bypass the route, its price and the
 * key's list of models. Targets are kept if their provider's entry allows these fields.
 */
function refuseElsewhere(exchange: Received): Refusal | undefined {
  const { targets, missing } = targetsAllowing(
    exchange.targets,
    exchange.ask.others.filter(({ use }) => use === 'elsewhere'),
  );
  keepTargets(exchange, targets);
  if (missing === null) return undefined;
  return refuse('invalid_request', {
    message: `${missing.reason?.message ?? `The field ${shown(missing.name)} can name another model, address or credential than the route's, or something that is kept at the provider.`} allow_fields of the provider's entry in the configuration can allow the field ${shown(missing.name)}.`,
    param: missing.reason?.param ?? shown(missing.name),
  });
}
