import { lookUpFunctionSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Codes for which apps get a key of the person who has agreed. Only a digest of the code is stored. */
const CODE = [
  `CREATE TABLE keys.authorization_code (
    organization_id text NOT NULL
      CONSTRAINT authorization_code_organization_fk REFERENCES keys.organization (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL CONSTRAINT authorization_code_person_fk REFERENCES keys.person (id),
    session_id uuid NOT NULL,
    callback_url text NOT NULL CONSTRAINT authorization_code_callback_length CHECK (char_length(callback_url) BETWEEN 1 AND 4000),
    challenge text CONSTRAINT authorization_code_challenge_length CHECK (char_length(challenge) BETWEEN 43 AND 128),
    method text CONSTRAINT authorization_code_method_known CHECK (method IN ('S256', 'plain')),
    key_request jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    redeemed_at timestamptz,
    CONSTRAINT authorization_code_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT authorization_code_challenged CHECK ((challenge IS NULL) = (method IS NULL))
  )`,
  `CREATE INDEX authorization_code_by_digest ON keys.authorization_code (digest)`,
  `CREATE INDEX authorization_code_by_expiry ON keys.authorization_code (organization_id, expires_at)`,
  `CREATE INDEX authorization_code_by_person ON keys.authorization_code (person_id)`,
];

/** Asked when an app exchanges a code: it is all that the app shows. */
const BY_DIGEST = {
  schema: 'keys',
  signature: 'authorization_code_by_digest(asked bytea)',
  returns: 'TABLE (organization_id text, id uuid)',
  // Index: authorization_code_by_digest.
  body: 'SELECT c.organization_id, c.id FROM keys.authorization_code AS c WHERE c.digest = asked',
} as const;

/** Keys for apps, by authorization codes. The release before knows none of this. */
export class AuthorizationCodes1797379200000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const rights = tenantTableSql({
      schema: 'keys',
      table: 'authorization_code',
      service: 'SELECT, INSERT, UPDATE, DELETE',
    });
    for (const statement of [...CODE, ...rights, ...lookUpFunctionSql(BY_DIGEST)]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION keys.${BY_DIGEST.signature}`);
    await runner.query('DROP TABLE keys.authorization_code');
  }
}
