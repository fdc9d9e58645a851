import type { SealedIds } from '@tollgate/sealing';
import type { Speech } from '../../dialects/ask.js';
import { speaks, type Target } from '../choose-route/route-table.js';
import { keepTargets, type Routed } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/**
 * Binds the ids of a provider's account to the organisation and the targets that they belong to. A request that goes on
 * from an earlier answer keeps only the targets that made it; targets that encrypted some of the content come first.
 */
export function ownIds(sealedIds: SealedIds): (exchange: Routed) => Refusal | undefined {
  return (exchange) => {
    const { ids, dialect } = exchange.ask;
    if (ids === undefined) return undefined;
    const { organizationId } = exchange.key.snapshot;
    const owner = { organizationId, sealedIds, hasOthers: exchange.route.targets.length > 1 };
    const bound = new Map<Target, Speech>();
    const makers: Target[] = [];
    const others: Target[] = [];
    for (const target of exchange.targets) {
      if (!speaks(target, dialect.name)) {
        // A provider of another dialect keeps no answers that a request of this one could go on from.
        if (!ids.goesOn) others.push(target);
        continue;
      }
      const own = ids.boundTo(target, owner);
      if (own === null) continue;
      bound.set(target, own.speech);
      (own.isMaker ? makers : others).push(target);
    }
    exchange.bound = bound;
    return keepTargets(exchange, [...makers, ...others]) ? undefined : ids.notFound;
  };
}
