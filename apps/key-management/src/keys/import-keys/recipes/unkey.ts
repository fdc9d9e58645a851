import { given, moment, nameOf, sha256Of, type Fields, type Recipe } from './recipe.js';

const MINUTE_MS = 60_000;

/**
 * Keys of Unkey: as `apis.listKeys` has them with `decrypt`, where `plaintext` is the secret, or as rows of the table
 * `keys`, where `hash` is its SHA-256 in base64. `expires` is in milliseconds. `credits` count uses and no money.
 */
export const unkey: Recipe = {
  harmless: new Set(
    (
      'keyId id start keyAuthId keySpaceId workspaceId apiId createdAt updatedAt lastUsedAt created_at_m updated_at_m ' +
      'created_at key_auth_id key_space_id workspace_id last_used_at'
    ).split(' '),
  ),
  convert(fields) {
    const [plaintext, hash] = [fields.text('plaintext'), fields.text('hash')];
    if (plaintext === undefined && hash === undefined) fields.refuse('neither plaintext nor hash is there');
    if (fields.take('enabled') !== undefined && !fields.flag('enabled'))
      fields.refuse('enabled is false: an imported key could be used');
    for (const name of ['credits', 'remaining', 'remaining_requests'] as const)
      if (fields.take(name) !== undefined) fields.refuse(`${name} counts uses and no money`);
    const expires = fields.number('expires');
    return {
      name: nameOf(fields.text('name'), 'unkey key'),
      sha256: plaintext === undefined ? (hash ?? '') : sha256Of(plaintext),
      ...given({
        expires_at: expires === undefined ? undefined : moment(expires),
        rate_limits: given({ requests_per_minute: requestsPerMinute(fields) }),
      }),
    };
  },
};

interface RateLimit {
  readonly limit?: unknown;
  readonly duration?: unknown;
  readonly autoApply?: unknown;
}

/** Of limits in a minute that apply by themselves, the lowest. */
function requestsPerMinute(fields: Fields): number | undefined {
  const [single, several] = [fields.take('ratelimit'), fields.take('ratelimits')];
  const limits = [...(single === undefined ? [] : [single]), ...(Array.isArray(several) ? several : [])] as RateLimit[];
  const perMinute: number[] = [];
  for (const { limit, duration, autoApply } of limits) {
    if (typeof limit !== 'number' || duration !== MINUTE_MS)
      fields.refuse('ratelimits of another time than a minute have no counterpart here');
    else if (autoApply === false)
      fields.refuse('ratelimits that apply only where a call names them have no counterpart here');
    else perMinute.push(limit);
  }
  return perMinute.length === 0 ? undefined : Math.min(...perMinute);
}
