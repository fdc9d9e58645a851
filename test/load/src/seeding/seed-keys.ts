import { randomUUID } from 'node:crypto';
import { digestSecret, generateSecret, maskSecret, pepperId, type Secret } from '@tollgate/api-key';
import { Client } from 'pg';
import { UPSTREAM_REPLIES } from '../scenarios.js';

/** A key that is put into the database. */
export interface SeededKey {
  readonly id: string;
  readonly secret: Secret;
}

export interface Seed {
  readonly databaseUrl: string;
  readonly pepper: string;
  readonly keys: readonly SeededKey[];
  /** Whether every second key has no limits of credit and rate, nor the organisation a cap. Default: false. */
  readonly halfUncapped?: boolean;
}

/** Makes so many keys, which nobody has yet. */
export function makeKeys(count: number, marker: string): SeededKey[] {
  return Array.from({ length: count }, () => ({ id: randomUUID(), secret: generateSecret(marker) }));
}

/** What every seeded key is held to: everything is checked, nothing is ever refused. Amounts in nano-USD. */
export const limits = {
  /** 100,000 USD for a key, 1,000,000 USD for all of them together. */
  keyCapNanoUsd: 100_000_000_000_000n,
  organizationCapNanoUsd: 1_000_000_000_000_000n,
  requestsPerMinute: 100_000_000,
  tokensPerMinute: 2_000_000_000,
  models: Object.keys(UPSTREAM_REPLIES),
  allowedIps: ['127.0.0.0/8', '10.0.0.0/8'],
} as const;

const ORGANIZATION = 'default';

/**
 * Puts keys into key-management's tables, as it would have written them itself: through the API ten thousand would
 * take longer than the bench. It tells nobody: the first request of a key makes the gateway ask key-management, which
 * then puts the snapshot into Redis. So it must run after key-management's migrations, and before the gateway's first
 * request.
 *
 * Every key has limits on requests and tokens per minute, addresses and models, and two capped accounts: its own, and
 * the organisation's.
 */
export async function seedKeys({ databaseUrl, pepper, keys, halfUncapped = false }: Seed): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('UPDATE keys.organization SET credit_limit_nano_usd = $2 WHERE id = $1', [
      ORGANIZATION,
      halfUncapped ? null : limits.organizationCapNanoUsd.toString(),
    ]);
    await client.query(
      `INSERT INTO keys.api_key (id, organization_id, name, scopes, credit_limit_nano_usd, requests_per_minute, tokens_per_minute, models, allowed_ips, created_at, version)
       SELECT id, $2, 'load ' || id, ARRAY['inference:write'], CASE WHEN limited THEN $3::bigint END,
         CASE WHEN limited THEN $4::int END, CASE WHEN limited THEN $5::int END, $6, $7, now(), 1
       FROM unnest($1::uuid[]) WITH ORDINALITY AS seeded (id, n), LATERAL (SELECT NOT ($8 AND n % 2 = 0)) AS l (limited)`,
      [
        keys.map(({ id }) => id),
        ORGANIZATION,
        limits.keyCapNanoUsd.toString(),
        limits.requestsPerMinute,
        limits.tokensPerMinute,
        limits.models,
        limits.allowedIps,
        halfUncapped,
      ],
    );
    await client.query(
      `INSERT INTO keys.api_key_secret (digest, api_key_id, pepper_id, masked, created_at)
       SELECT decode(digest, 'hex'), id, $4, masked, now() FROM unnest($1::uuid[], $2::text[], $3::text[]) AS seeded (id, digest, masked)`,
      [
        keys.map(({ id }) => id),
        keys.map(({ secret }) => digestSecret(secret.reveal(), pepper)),
        keys.map(({ secret }) => maskSecret(secret)),
        pepperId(pepper),
      ],
    );
    await client.query('COMMIT');
    await client.query('ANALYZE keys.api_key, keys.api_key_secret');
  } finally {
    await client.end();
  }
}
