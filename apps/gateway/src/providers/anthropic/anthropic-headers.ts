import { headersNamed, type CallerHeadersRule } from '../caller-headers.js';
import { betaKind, isBetaAllowed } from './betas.js';

const VERSION = 'anthropic-version',
  BETA = 'anthropic-beta';
const NAMES: ReadonlySet<string> = new Set([VERSION, BETA]);

/** The headers of a call whose caller names no version: the first one that all models speak. */
export const DEFAULT_HEADERS: readonly string[] = [VERSION, '2023-06-01'];

/**
 * Passes a caller's version unchanged, and its beta features, unless one can change the price or the model and the
 * provider's entry does not allow it. For a key with a credit limit a feature that nobody knows is left out, since it
 * might do so too.
 */
export const anthropicHeaders: CallerHeadersRule = (rawHeaders, { isCapped, allowBetas }) => {
  const found = headersNamed(rawHeaders, 'anthropic-', NAMES);
  if (found === null) return null;
  const version = found.get(VERSION)?.[0];
  const sent = version === undefined ? [...DEFAULT_HEADERS] : [VERSION, version];
  const betas: string[] = [];
  const leftOut: string[] = [];
  for (const value of (found.get(BETA) ?? []).flatMap((each) => each.split(','))) {
    const beta = value.trim();
    if (beta === '') continue;
    const kind = isBetaAllowed(beta, allowBetas) ? 'harmless' : betaKind(beta);
    if (kind === 'dearer') return { header: BETA, value: beta };
    if (kind === 'unknown' && isCapped) leftOut.push(`${BETA}: ${beta}`);
    else betas.push(beta);
  }
  if (betas.length > 0) sent.push(BETA, betas.join(','));
  return { sent, leftOut };
};
