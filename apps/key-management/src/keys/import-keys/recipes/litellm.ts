import { given, moment, nameOf, usd, type Fields, type Recipe, type RecipeOptions } from './recipe.js';

/** What LiteLLM calls every model. */
const ALL_MODELS = 'all-proxy-models';
const CYCLES: Readonly<Record<string, string>> = {
  '24h': 'daily',
  '1d': 'daily',
  '7d': 'weekly',
  '1w': 'weekly',
  '30d': 'monthly',
  '1mo': 'monthly',
};

/**
 * Rows of `LiteLLM_VerificationToken`. `token` is the SHA-256 of the whole secret in hex. `models: []` means every
 * model. Whether `30d` is a rolling time or a month of the calendar depends on the release (BerriAI/litellm#15142).
 */
export const litellm: Recipe = {
  harmless: new Set(
    (
      'token_id key_name spend user_id created_at created_by updated_at updated_by budget_reset_at last_active settled_at ' +
      'model_spend soft_budget_cooldown key_rotation_at last_rotation_at rotation_count'
    ).split(' '),
  ),
  convert(fields, options) {
    const sha256 = fields.text('token') ?? '';
    if (!/^[0-9a-f]{64}$/i.test(sha256)) fields.refuse('token is no SHA-256 in hex');
    const models = fields.list('models').filter((model) => model !== ALL_MODELS);
    for (const model of models)
      if (/^(all-team-models|no-default-models)$/.test(model))
        fields.refuse(`models: ${model} has no counterpart here`);
    if (fields.flag('blocked')) fields.refuse('blocked: an imported key could be used');
    const expires = fields.text('expires');
    return {
      name: nameOf(fields.text('key_alias'), `litellm ${sha256.slice(0, 8)}`),
      sha256,
      ...given({
        models,
        expires_at: expires === undefined ? undefined : moment(Date.parse(zoned(expires))),
        rate_limits: given({
          requests_per_minute: fields.number('rpm_limit'),
          tokens_per_minute: fields.number('tpm_limit'),
          parallel_requests: fields.number('max_parallel_requests'),
        }),
      }),
      ...budget(fields, options),
    };
  },
};

/** The database writes UTC without saying so. */
const zoned = (text: string): string => (/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);

/** What is left of a budget for good; of one that is reset, all of it in each cycle. */
function budget(fields: Fields, { calendar }: RecipeOptions): Record<string, unknown> {
  const [limit, duration, spent] = [
    fields.number('max_budget'),
    fields.text('budget_duration'),
    fields.number('spend'),
  ];
  if (limit === undefined) return {};
  if (duration === undefined) return { credit_limit_usd: usd(limit - (spent ?? 0)) };
  const cycle = CYCLES[duration];
  if (cycle === undefined) fields.refuse(`budget_duration ${duration} has no counterpart here`);
  else if (!calendar)
    fields.refuse(`budget_duration ${duration} may be a rolling time; with --calendar it becomes ${cycle}`);
  return { credit_limit_usd: usd(limit), credit_reset: cycle };
}
