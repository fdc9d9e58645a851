import { readSha256 } from '@tollgate/api-key';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { createKeyRequest } from '../create-key/create-key.request.js';

/** The most keys of one import. */
export const IMPORTED_KEYS_MAX = 100_000;

/** The query of an import. */
export const importKeysQuery = z.object({
  mode: z
    .enum(['all', 'report'])
    .default('report')
    .describe('`report` says what would happen and changes nothing; `all` imports every key, or none.'),
});
export type ImportKeysQuery = z.output<typeof importKeysQuery>;

const SHA256 = 'must be the SHA-256 of the secret, as 64 hex digits or base64; never the secret itself';
const DIGEST_CHARACTERS_MAX = 80;

/** One line of an import: the settings of a new key, and what is known of the secret that its clients have. */
export const importLine = createKeyRequest
  .safeExtend({
    sha256: shown(
      z
        .string()
        .max(DIGEST_CHARACTERS_MAX, SHA256)
        .refine((text) => readSha256(text) !== null, SHA256)
        .transform((text) => readSha256(text) ?? ''),
      { type: 'string', maxLength: DIGEST_CHARACTERS_MAX },
    ).describe('The SHA-256 of the secret, as 64 hex digits in any case, or base64; `sha256:` may stand before it.'),
    form: z
      .enum(['whole', 'without_prefix'])
      .nullable()
      .default('whole')
      .describe('`without_prefix` where the secret was hashed without the `sk-` that clients send before it.'),
  })
  .meta({
    id: 'ImportApiKey',
    examples: [
      { sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', name: 'support bot' },
      { sha256: 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=', name: 'batch', form: 'without_prefix' },
    ],
  });
/** A line as its schema has read it. `sha256` is 64 lower-case hex digits. */
export type ImportLine = z.output<typeof importLine>;
