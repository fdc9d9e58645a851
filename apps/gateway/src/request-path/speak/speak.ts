import { ERRORS } from '@tollgate/errors';
import type { SealedIds } from '@tollgate/sealing';
import { isRefusal, refuse, type Refusal } from '../exchange/refusal.js';
import type { Dialect } from '../../dialects/dialect.js';
import { translator, type Translate } from '../../dialects/across/translator.js';
import type { Translation } from '../../dialects/across/translation.js';
import { speaks, type Target } from '../choose-route/route-table.js';
import { keepTargets, type Routed } from '../exchange/exchange.js';

/**
 * Decides how each target is spoken to. A target whose provider speaks the endpoint's dialect is sent the caller's own
 * bytes; for others the request is translated. Targets that cannot be told all that the request says are passed over;
 * if there is no other, the request is refused by the name of the field. Targets that have sealed some of the content
 * come first, since it is left out for others.
 */
export function speak(dialect: Dialect, sealedIds: SealedIds): (exchange: Routed) => Refusal | undefined {
  const { name } = dialect;
  const speaksIt = (target: Target): boolean => speaks(target, name);
  return (exchange) =>
    exchange.targets.every(speaksIt)
      ? undefined
      : speakToOthers(exchange, translator(dialect, exchange, sealedIds), speaksIt);
}

function speakToOthers(
  exchange: Routed,
  translate: Translate,
  speaksIt: (target: Target) => boolean,
): Refusal | undefined {
  const translations = new Map<Target, Translation>();
  const makers: Target[] = [];
  const others: Target[] = [];
  let fault: Refusal | null = null;
  for (const target of exchange.targets) {
    if (speaksIt(target)) {
      others.push(target);
      continue;
    }
    const translation = translate(target);
    if (translation === null) continue;
    if (isRefusal(translation)) {
      // What can be tried again later says more than what another target cannot be told.
      if (fault === null || ERRORS[translation.code].retryable) fault = translation;
      continue;
    }
    translations.set(target, translation);
    (translation.isMaker ? makers : others).push(target);
  }
  exchange.translations = translations.size === 0 ? null : translations;
  if (keepTargets(exchange, [...makers, ...others])) return undefined;
  return (
    fault ??
    refuse('model_not_found', {
      message: `The model ${JSON.stringify(exchange.ask.model)} is not served at this endpoint.`,
      param: 'model',
    })
  );
}
