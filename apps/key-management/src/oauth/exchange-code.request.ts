import { z } from 'zod';
import { CHALLENGE_METHODS } from './challenge.js';

const EXAMPLE = {
  code: 'kq0VjC2cX1o3n5s7u9w1y3A5C7E9G1I3K5M7O9Q1S3U',
  code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  code_challenge_method: 'S256',
} as const;

const absent = (value: unknown): unknown => (value === '' ? null : value);

/** The body of `POST /api/v1/auth/keys`. What else a client sends is passed over, as at OpenRouter. */
export const exchangeCodeRequest = z
  .object({
    code: z.string().min(1).max(1_000).describe('What came back behind the callback.'),
    code_verifier: z
      .preprocess(absent, z.string().max(1_000).nullable().default(null))
      .describe('The verifier of the challenge; left out where the code was asked for without one.'),
    code_challenge_method: z
      .preprocess(absent, z.enum(CHALLENGE_METHODS).nullable().default(null))
      .describe('If it is given it must be that of the request for the code.'),
  })
  .meta({ id: 'ExchangeCode', examples: [EXAMPLE, { code: EXAMPLE.code, code_verifier: EXAMPLE.code_verifier }] });
export type ExchangeCodeRequest = z.output<typeof exchangeCodeRequest>;

/** The reply: the key, which no other reply shows, and the person whose it is. */
export const exchangedKeyReply = z
  .object({
    key: z.string().describe('The secret of a key of the person. This reply alone shows it.'),
    user_id: z.uuid().describe('The person who has agreed.'),
  })
  .meta({
    id: 'ExchangedKey',
    examples: [{ key: 'sk-Tg7ThisIsNoRealSecret…x9Qf', user_id: '5b2f7a0e-1c3d-4e5f-8a9b-0123456789ab' }],
  });
export type ExchangedKey = z.output<typeof exchangedKeyReply>;
