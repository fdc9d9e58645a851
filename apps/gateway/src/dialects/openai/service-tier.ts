import type { AskedModes } from '@tollgate/pricing';
import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';

/**
 * The tier that a request names in `service_tier`; undefined for none. A value that is no text is one that has no
 * price.
 */
export function tierModes(body: Buffer, span: Span | null): AskedModes | undefined {
  const tier = span === null ? null : valueAt(body, span);
  if (tier === null) return undefined;
  const named = typeof tier === 'string' ? tier : JSON.stringify(tier);
  return { serviceTier: named, speed: null, inferenceGeo: null };
}
