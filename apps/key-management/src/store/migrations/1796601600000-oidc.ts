import { lookUpFunctionSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The identity provider of an organisation. `client_secret` is sealed. `proven_at` is when an owner first signed in by
 * these very settings: only then may they be demanded, or everybody could be locked out.
 */
const PROVIDER = `CREATE TABLE keys.oidc_provider (
  organization_id text CONSTRAINT oidc_provider_pk PRIMARY KEY
    CONSTRAINT oidc_provider_organization_fk REFERENCES keys.organization (id) ON DELETE CASCADE,
  issuer text NOT NULL CONSTRAINT oidc_provider_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 500),
  client_id text NOT NULL CONSTRAINT oidc_provider_client_id_length CHECK (char_length(client_id) BETWEEN 1 AND 255),
  client_secret text NOT NULL,
  required boolean NOT NULL,
  proven_at timestamptz,
  version integer NOT NULL CONSTRAINT oidc_provider_version_positive CHECK (version > 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT oidc_provider_required_once_proven CHECK (NOT required OR proven_at IS NOT NULL)
)`;

/** Domains that organisations claim. One organisation at a time has a domain proven; any may try. */
const DOMAIN = [
  `CREATE TABLE keys.domain (
    organization_id text NOT NULL
      CONSTRAINT domain_organization_fk REFERENCES keys.organization (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT domain_name_length CHECK (char_length(name) BETWEEN 3 AND 243),
    token text NOT NULL,
    proven_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT domain_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT domain_name_unique UNIQUE (organization_id, name)
  )`,
  `CREATE UNIQUE INDEX domain_proven_once ON keys.domain (name) WHERE proven_at IS NOT NULL`,
];

/** Who somebody is at a provider: the issuer and its subject, never an address. */
const IDENTITY = [
  `CREATE TABLE keys.oidc_identity (
    organization_id text NOT NULL
      CONSTRAINT oidc_identity_organization_fk REFERENCES keys.organization (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL CONSTRAINT oidc_identity_subject_length CHECK (char_length(subject) BETWEEN 1 AND 255),
    person_id uuid NOT NULL CONSTRAINT oidc_identity_person_fk REFERENCES keys.person (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT oidc_identity_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT oidc_identity_subject_unique UNIQUE (organization_id, issuer, subject),
    CONSTRAINT oidc_identity_person_unique UNIQUE (organization_id, issuer, person_id)
  )`,
  `CREATE INDEX oidc_identity_by_person ON keys.oidc_identity (person_id)`,
];

/** A sign-in that a browser has begun and not finished. Neither its state nor the browser's cookie can be read here. */
const ATTEMPT = [
  `CREATE TABLE keys.oidc_attempt (
    organization_id text NOT NULL
      CONSTRAINT oidc_attempt_organization_fk REFERENCES keys.organization (id) ON DELETE CASCADE,
    state_digest bytea NOT NULL,
    browser_digest bytea NOT NULL,
    provider_version integer NOT NULL,
    return_to text NOT NULL CONSTRAINT oidc_attempt_return_to_length CHECK (char_length(return_to) BETWEEN 1 AND 2000),
    step_up_session_id uuid,
    expires_at timestamptz NOT NULL,
    CONSTRAINT oidc_attempt_pk PRIMARY KEY (state_digest, organization_id)
  )`,
  `CREATE INDEX oidc_attempt_by_expiry ON keys.oidc_attempt (organization_id, expires_at)`,
];

/** Asked when a session is looked up, before it is known which organisation a request is about. */
const DEMANDS_OIDC = {
  signature: 'demands_oidc(organization text)',
  returns: 'boolean',
  // Index: oidc_provider_pk.
  body: `SELECT EXISTS (SELECT FROM keys.oidc_provider AS p WHERE p.organization_id = organization AND p.required)`,
};

/** Sessions of a provider end with it. */
const SESSION = [`CREATE INDEX session_confined ON keys.session (confined_to) WHERE confined_to IS NOT NULL`];

/** Sign-in by OpenID Connect. The release before knows none of these tables. */
export class Oidc1796601600000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const rights = [
      ...tenantTableSql({
        schema: 'keys',
        table: 'oidc_provider',
        service: 'SELECT, INSERT, UPDATE, DELETE',
        // For the command that encrypts anew, when the encryption key is replaced.
        allTenants: 'SELECT (organization_id, client_secret), UPDATE (client_secret)',
      }),
      ...tenantTableSql({
        schema: 'keys',
        table: 'domain',
        service: 'SELECT, INSERT, UPDATE, DELETE',
        allTenants: 'SELECT',
      }),
      ...tenantTableSql({ schema: 'keys', table: 'oidc_identity', service: 'SELECT, INSERT, DELETE' }),
      // UPDATE is for the lock of rows that are cleared away.
      ...tenantTableSql({ schema: 'keys', table: 'oidc_attempt', service: 'SELECT, INSERT, UPDATE, DELETE' }),
    ];
    const functions = lookUpFunctionSql({ schema: 'keys', ...DEMANDS_OIDC });
    for (const statement of [PROVIDER, ...DOMAIN, ...IDENTITY, ...ATTEMPT, ...SESSION, ...rights, ...functions])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION keys.${DEMANDS_OIDC.signature}`);
    await runner.query('DROP INDEX keys.session_confined');
    for (const table of ['oidc_attempt', 'oidc_identity', 'domain', 'oidc_provider'])
      await runner.query(`DROP TABLE keys.${table}`);
  }
}
