import { outboxTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const TABLES = [
  // One row for each key that leaked. The fields about the key are for the mail.
  `CREATE TABLE scanning.leak (
    api_key_id text CONSTRAINT leak_pk PRIMARY KEY,
    organization_id text NOT NULL,
    key_name text NOT NULL,
    masked_key text NOT NULL,
    revoked_at timestamptz NOT NULL,
    reported_at timestamptz NOT NULL
  )`,
  // api_key_id is null until key-management has said which key the secret belongs to. Findings of unknown secrets are
  // deleted.
  `CREATE TABLE scanning.finding (
    id uuid CONSTRAINT finding_pk PRIMARY KEY DEFAULT gen_random_uuid(),
    digest bytea NOT NULL CONSTRAINT finding_digest_length CHECK (octet_length(digest) = 32),
    place_hash bytea NOT NULL,
    origin text NOT NULL,
    url text NOT NULL,
    source text NOT NULL,
    token_type text NOT NULL,
    api_key_id text CONSTRAINT finding_leak_fk REFERENCES scanning.leak (api_key_id),
    received_at timestamptz NOT NULL,
    escalated_at timestamptz,
    CONSTRAINT finding_place_unique UNIQUE (digest, place_hash)
  )`,
  `CREATE INDEX finding_by_key ON scanning.finding (api_key_id)`,
  `CREATE INDEX finding_unresolved ON scanning.finding (received_at) WHERE api_key_id IS NULL`,
  `CREATE TABLE scanning.leak_mail (
    id uuid CONSTRAINT leak_mail_pk PRIMARY KEY DEFAULT gen_random_uuid(),
    api_key_id text NOT NULL CONSTRAINT leak_mail_leak_fk REFERENCES scanning.leak (api_key_id),
    recipient text NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
    sent_at timestamptz,
    abandoned_at timestamptz,
    CONSTRAINT leak_mail_once UNIQUE (api_key_id, recipient)
  )`,
  `CREATE INDEX leak_mail_waiting ON scanning.leak_mail (next_attempt_at) WHERE sent_at IS NULL AND abandoned_at IS NULL`,
];

export class Scanning1795190400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...outboxTableSql('scanning')]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('the first migration of scanning is not undone: drop the schema instead');
  }
}
