import { given, moment, nameOf, sha256Of, usd, type Recipe } from './recipe.js';

/** What one-api counts as one USD. */
const QUOTA_OF_A_USD = 500_000;
const ENABLED = 1;

/**
 * Rows of `tokens` of one-api and new-api. `key` is the secret itself, without the `sk-` that clients send before it:
 * only its SHA-256 goes into the line. `remain_quota` is what is left; times are seconds, and -1 is never.
 */
export const oneApi: Recipe = {
  harmless: new Set('id user_id created_time accessed_time used_quota'.split(' ')),
  convert(fields) {
    const key = (fields.text('key') ?? '').trim().replace(/^sk-/, '');
    if (key === '') fields.refuse('key is missing');
    const status = fields.number('status');
    if (status !== undefined && status !== ENABLED) fields.refuse(`status ${status}: an imported key could be used`);
    // Rows that were deleted stay in the table.
    for (const name of ['deleted_at', 'DeletedAt'])
      if (fields.text(name) !== undefined) fields.refuse(`${name}: an imported key could be used`);
    const [quota, unlimited] = [fields.number('remain_quota'), fields.flag('unlimited_quota')];
    if (!unlimited && quota === undefined) fields.refuse('remain_quota is missing');
    const expires = fields.number('expired_time') ?? -1;
    const limited = fields.flag('model_limits_enabled');
    const limits = fields.list('model_limits');
    if (limited && limits.length === 0) fields.refuse('model_limits is empty: the key may use no model');
    const group = fields.text('group');
    if (group !== undefined && group !== 'default') fields.refuse(`group has no counterpart here`);
    return {
      name: nameOf(fields.text('name'), 'one-api token'),
      sha256: sha256Of(key),
      form: 'without_prefix',
      ...given({
        credit_limit_usd: unlimited ? undefined : usd((quota ?? 0) / QUOTA_OF_A_USD),
        expires_at: expires === -1 ? undefined : moment(expires * 1_000),
        models: limited ? limits : fields.list('models'),
        allowed_ips: [...fields.list('subnet'), ...fields.list('allow_ips')],
      }),
    };
  },
};
