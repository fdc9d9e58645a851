import { given, nameOf, usd, type Recipe } from './recipe.js';

/** Cycles of OpenRouter begin as ours: at 00:00 UTC, on Mondays, on the first. */
const RESETS = ['daily', 'weekly', 'monthly'];

/** Keys as `GET /api/v1/keys` of OpenRouter lists them. `hash` is the SHA-256 of the secret in hex; limits are USD. */
export const openrouter: Recipe = {
  harmless: new Set(
    (
      'label usage usage_daily usage_weekly usage_monthly byok_usage byok_usage_daily byok_usage_weekly ' +
      'byok_usage_monthly created_at updated_at creator_user_id workspace_id'
    ).split(' '),
  ),
  convert(fields) {
    if (fields.flag('disabled')) fields.refuse('disabled: an imported key could be used');
    const [limit, left, reset] = [fields.number('limit'), fields.number('limit_remaining'), fields.text('limit_reset')];
    if (reset !== undefined && !RESETS.includes(reset)) fields.refuse(`limit_reset ${reset} has no counterpart here`);
    // Of a limit for good what is left; of one that begins anew all of it.
    const amount = reset === undefined ? (left ?? limit) : limit;
    const hash = fields.text('hash') ?? '';
    if (!/^[0-9a-f]{64}$/i.test(hash)) fields.refuse('hash is no SHA-256 in hex');
    return {
      name: nameOf(fields.text('name'), 'openrouter key'),
      sha256: hash,
      ...given({
        credit_limit_usd: limit === undefined ? undefined : usd(amount ?? 0),
        credit_reset: limit === undefined ? undefined : reset,
        expires_at: fields.text('expires_at'),
      }),
    };
  },
};
