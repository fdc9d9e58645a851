import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import type { Limits } from '../ask.js';

/** The tier that a request names in `service_tier`. A value that is no text is one that has no price. */
export function tierModes(body: Buffer, span: Span | null): Pick<Limits, 'modes'> {
  const tier = span === null ? null : valueAt(body, span);
  if (tier === null) return {};
  const named = typeof tier === 'string' ? tier : JSON.stringify(tier);
  return { modes: { serviceTier: named, speed: null, inferenceGeo: null } };
}
