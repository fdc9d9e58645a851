import type { PassedHeaders, RefusedHeader } from '../../providers/caller-headers.js';
import type { Provider } from '../../providers/provider.js';
import { chargeOfExchange, keepTargets, type Routed } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

const SHOWN_MAX = 64;

/**
 * Reads the caller's headers that belong to the API of a target, for targets that speak the caller's dialect. Targets
 * whose entry in the configuration does not allow a value are removed.
 */
export function passHeaders(exchange: Routed): Refusal | undefined {
  const { request, targets, translations } = exchange;
  const { isCapped } = chargeOfExchange(exchange);
  let refused: RefusedHeader | null = null;
  for (const target of targets) {
    const { provider } = target;
    if (translations?.has(target) === true || exchange.callerHeaders?.has(provider) === true) continue;
    const read = provider.callerHeaders(request.rawHeaders, { isCapped, allowBetas: provider.allowBetas });
    if (read === null) continue;
    if ('value' in read) refused ??= read;
    else (exchange.callerHeaders ??= new Map<Provider, PassedHeaders>()).set(provider, read);
  }
  if (refused === null) return undefined;
  const { callerHeaders } = exchange;
  const allowing = targets.filter(
    (target) => translations?.has(target) === true || callerHeaders?.has(target.provider) === true,
  );
  return keepTargets(exchange, allowing) ? undefined : refuseHeader(refused);
}

function refuseHeader({ header, value }: RefusedHeader): Refusal {
  const shown = value.slice(0, SHOWN_MAX);
  return refuse('invalid_request', {
    message: `The value ${shown} of the header ${header} can change the price or the model. allow_betas of the provider's entry in the configuration can allow it.`,
    param: header,
  });
}
