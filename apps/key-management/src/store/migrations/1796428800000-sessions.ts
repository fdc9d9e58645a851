import { commonTableSql, lookUpFunctionSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Sessions belong to people, who may belong to several organisations: these tables have no tenant. A token is looked up
 * by its digest, which tells nobody else's.
 */
const SESSION = [
  `ALTER TABLE keys.person ADD COLUMN signed_in_at timestamptz`,
  `CREATE TABLE keys.session (
    id uuid CONSTRAINT session_pk PRIMARY KEY,
    digest bytea NOT NULL CONSTRAINT session_digest_unique UNIQUE
      CONSTRAINT session_digest_length CHECK (octet_length(digest) = 32),
    person_id uuid NOT NULL CONSTRAINT session_person_fk REFERENCES keys.person (id),
    method text NOT NULL CONSTRAINT session_method_known CHECK (method IN ('password', 'oidc', 'sign_in_link')),
    oidc_issuer text,
    oidc_subject text,
    confined_to text,
    last_organization_id text,
    created_at timestamptz NOT NULL,
    proven_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    from_address text,
    client text,
    CONSTRAINT session_oidc_identity CHECK ((method = 'oidc') = (oidc_issuer IS NOT NULL AND oidc_subject IS NOT NULL))
  )`,
  `CREATE INDEX session_by_person ON keys.session (person_id, created_at)`,
  `CREATE INDEX session_by_expiry ON keys.session (expires_at)`,
];

/** Links of mails and of first starts. `digest` is SHA-256 of the token in the link. */
const ONE_TIME_TOKEN = [
  `CREATE TABLE keys.one_time_token (
    digest bytea CONSTRAINT one_time_token_pk PRIMARY KEY
      CONSTRAINT one_time_token_digest_length CHECK (octet_length(digest) = 32),
    purpose text NOT NULL
      CONSTRAINT one_time_token_purpose_known CHECK (purpose IN ('password_reset', 'email_confirmation', 'sign_in_link')),
    person_id uuid NOT NULL CONSTRAINT one_time_token_person_fk REFERENCES keys.person (id),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
  )`,
  `CREATE INDEX one_time_token_by_person ON keys.one_time_token (person_id, purpose, created_at)`,
  `CREATE INDEX one_time_token_by_expiry ON keys.one_time_token (expires_at)`,
];

/**
 * A session is looked up before it is known which organisation a request is about, so policies cannot show the
 * memberships of its person. Each function answers one exact question.
 */
const MEMBERSHIPS = [
  {
    signature: 'role_of_person(person uuid, organization text)',
    returns: 'text',
    // Index: member_person_unique.
    body: `SELECT m.role FROM keys.member AS m WHERE m.organization_id = organization AND m.person_id = person`,
  },
  {
    signature: 'oldest_organization_of_person(person uuid)',
    returns: 'text',
    // Index: member_by_person, organization_pk.
    body: `SELECT o.id FROM keys.member AS m JOIN keys.organization AS o ON o.id = m.organization_id
      WHERE m.person_id = person ORDER BY o.position LIMIT 1`,
  },
  {
    signature: 'organizations_of_person(person uuid, most integer)',
    returns: 'TABLE (id text, name text, role text)',
    // Index: member_by_person, organization_pk.
    body: `SELECT o.id, o.name, m.role FROM keys.member AS m JOIN keys.organization AS o ON o.id = m.organization_id
      WHERE m.person_id = person ORDER BY o.position LIMIT most`,
  },
];

/** Sessions, links for one use, and what is known of a person's memberships before their organisation is. */
export class Sessions1796428800000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...SESSION, ...ONE_TIME_TOKEN, ...rightsSql(), ...functionsSql()])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { signature } of MEMBERSHIPS) await runner.query(`DROP FUNCTION keys.${signature}`);
    await runner.query('DROP TABLE keys.one_time_token, keys.session');
    await runner.query('ALTER TABLE keys.person DROP COLUMN signed_in_at');
  }
}

function rightsSql(): string[] {
  return ['session', 'one_time_token'].flatMap((table) =>
    commonTableSql({ schema: 'keys', table, service: 'SELECT, INSERT, UPDATE, DELETE' }),
  );
}

const functionsSql = (): string[] => MEMBERSHIPS.flatMap((each) => lookUpFunctionSql({ schema: 'keys', ...each }));
