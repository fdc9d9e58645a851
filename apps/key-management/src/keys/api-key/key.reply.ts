import { BROWSER_USES, CREDIT_RESETS, KEY_TYPES } from '@tollgate/api-key';
import { creditLimitRaiseReply, listReply } from '@tollgate/http';
import { z } from 'zod';
import { MAKER_EXAMPLE, makerReply } from '../../members/maker.reply.js';

const moment = z.string().meta({ format: 'date-time' });
const usd = z.string().describe('Decimal USD, exact.');
const limit = z.int().positive().nullable();

/** An example key as all replies but one show it, without its secret. */
const EXAMPLE = {
  object: 'api_key',
  id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'support bot',
  description: null,
  type: 'router',
  public_key: null,
  project_id: null,
  masked_key: 'sk-Tg7…x9Qf',
  scopes: ['inference:read', 'inference:write'],
  state: 'active',
  expires_at: '2027-02-18T09:30:00.000Z',
  credit_limit_usd: '25',
  credit_limit_raise: null,
  credit_used_usd: '3.120045',
  credit_remaining_usd: '21.879955',
  credit_reset: 'never',
  rate_limits: { requests_per_minute: 600, tokens_per_minute: null, parallel_requests: null },
  models: ['gpt-4o*'],
  allowed_ips: null,
  groups: [],
  accessible_routes: 3,
  browser_use: 'allowed',
  rotate_every_days: null,
  created_at: '2026-11-20T09:30:00.000Z',
  created_by: MAKER_EXAMPLE,
  last_used_at: '2026-11-28T16:04:12.000Z',
  secrets: [
    {
      id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
      masked_key: 'sk-Tg7…x9Qf',
      created_at: '2026-11-20T09:30:00.000Z',
      ends_at: '2027-02-18T09:30:00.000Z',
      end_when_idle_seconds: null,
      end_reason: null,
      last_used_at: '2026-11-28T16:04:12.000Z',
      requests: 5_120,
      addresses: [{ address: '203.0.113.7', last_used_at: '2026-11-28T16:04:12.000Z' }],
    },
  ],
  disabled_at: null,
  revoked_at: null,
} as const;
const ENDED = { ...EXAMPLE, state: 'revoked', revoked_at: '2026-11-28T17:00:00.000Z' } as const;

const secret = z.object({
  id: z.uuid().describe("That of a key's first secret is the id of the key."),
  masked_key: z.string().describe('Its first six and its last four characters.'),
  created_at: moment,
  ends_at: moment
    .nullable()
    .describe('From when on it cannot be used: its end, that of its grace period, or that of its key. Null for none.'),
  end_when_idle_seconds: z.int().nullable().describe('It ends earlier when it was not used for this long.'),
  end_reason: z
    .enum(['grace', 'finished', 'idle', 'leaked'])
    .nullable()
    .describe('Why it ended while its key lived on: its grace period was over, or it was ended, was idle, or leaked.'),
  last_used_at: moment.nullable().exactOptional().describe('Some seconds behind; left out in lists, as the next two.'),
  requests: z.int().exactOptional(),
  addresses: z
    .array(z.object({ address: z.string(), last_used_at: moment }))
    .readonly()
    .exactOptional()
    .describe('The last ten that it was used from, the newest first.'),
});
/** A secret as a reply carries it. */
export type SecretObject = Readonly<z.input<typeof secret>>;

const fields = {
  object: z.literal('api_key'),
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  type: z.enum(KEY_TYPES).describe('A key that opens no inference, or that has the scope `admin`, is an `admin` key.'),
  public_key: z.string().nullable().describe('The other half of a project key; null for all others.'),
  project_id: z.uuid().nullable(),
  masked_key: z.string().describe('The first six and the last four characters of the secret.'),
  scopes: z.array(z.string()).readonly(),
  state: z.enum(['active', 'disabled', 'revoked', 'expired']),
  expires_at: moment.nullable(),
  credit_limit_usd: usd.nullable().describe('Decimal USD; null is unlimited.'),
  credit_limit_raise: creditLimitRaiseReply,
  credit_used_usd: usd
    .nullable()
    .describe(
      'Decimal USD from the ledger, of the present cycle of its limit, or of its life where nothing begins anew. Null while it cannot be asked, since an unknown sum must not read as 0.',
    ),
  credit_remaining_usd: usd
    .nullable()
    .describe(
      'Its limit with a raise, less what was charged in the cycle and what calls in flight hold; at least 0; null without a limit, and where the used sum is unknown.',
    ),
  credit_reset: z
    .enum(CREDIT_RESETS)
    .nullable()
    .describe('When the limit begins anew: 00:00 UTC, on Mondays, on the first of the month. Null without a limit.'),
  rate_limits: z.object({ requests_per_minute: limit, tokens_per_minute: limit, parallel_requests: limit }),
  models: z.array(z.string()).readonly().nullable(),
  allowed_ips: z.array(z.string()).readonly().nullable(),
  groups: z.array(z.string()).readonly().describe('The ids of its groups.'),
  accessible_routes: z
    .int()
    .exactOptional()
    .describe('How many routes of `config.yaml` it may use, in lists and where it is shown alone.'),
  browser_use: z.enum(BROWSER_USES).describe('Whether requests that web pages send may use it.'),
  rotate_every_days: z.int().nullable().describe('After how many days its owners are reminded to rotate it.'),
  created_at: moment,
  created_by: makerReply.nullable().describe('Who made it; null for a key of release 0.1.0 and before.'),
  last_used_at: moment.nullable(),
  secrets: z
    .array(secret)
    .readonly()
    .describe('The last ten, the present one last: until the others end, callers can use them too.'),
  disabled_at: moment.nullable(),
  revoked_at: moment.nullable(),
};

/** A key as the admin API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
export const keyReply = z.object(fields).meta({ id: 'ApiKey', examples: [EXAMPLE, ENDED] });
/** A key as a reply carries it, before it is serialised. */
export type KeyObject = Readonly<z.input<typeof keyReply>>;

/** The reply to the creation of a key; no other reply has a secret. */
export const createdKeyReply = z
  .object({ ...fields, secret: z.string().describe('The key itself. This reply alone shows it.') })
  .meta({
    id: 'CreatedApiKey',
    examples: [
      {
        ...EXAMPLE,
        credit_used_usd: '0',
        credit_remaining_usd: '25',
        last_used_at: null,
        secret: 'sk-Tg7ThisIsNoRealSecret…x9Qf',
      },
    ],
  });

/** The reply to the deletion of a key, which is hidden afterwards. */
export const deletedKeyReply = z
  .object({ ...fields, deleted: z.literal(true) })
  .meta({ id: 'DeletedApiKey', examples: [{ ...ENDED, deleted: true }] });

/** One page of keys. */
export const keyListReply = listReply('ApiKeyList', keyReply, EXAMPLE);
/** A page of keys as a reply carries it. */
export type KeyList = Readonly<z.input<typeof keyListReply>>;
