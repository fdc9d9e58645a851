import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** A deleted organisation is hidden, and its audit trail stays. Every installation keeps `default`. */
const ORGANIZATION = [
  `ALTER TABLE keys.organization
     ADD COLUMN deleted_at timestamptz,
     ADD CONSTRAINT organization_default_stays CHECK (id <> 'default' OR deleted_at IS NULL)`,
];

const MEMBER = [
  `CREATE INDEX member_newest ON keys.member (organization_id, created_at DESC, id DESC)`,
  `CREATE INDEX member_owners ON keys.member (organization_id) WHERE role = 'owner'`,
];

/**
 * Who made a key. Nothing is known of the makers of keys from before, or from the release before. The index is for what
 * a removed member can still do: only keys with the scope `admin` can, and only they make other keys.
 */
const MAKER = [
  `ALTER TABLE keys.api_key
     ADD COLUMN created_by_kind text
       CONSTRAINT api_key_created_by_kind_known CHECK (created_by_kind IN ('operator', 'api_key', 'person')),
     ADD COLUMN created_by_id uuid,
     ADD CONSTRAINT api_key_created_by_somebody CHECK
       ((created_by_kind IS NOT NULL AND created_by_kind <> 'operator') = (created_by_id IS NOT NULL))`,
  `CREATE INDEX api_key_by_maker ON keys.api_key (organization_id, created_by_id) WHERE 'admin' = ANY(scopes)`,
];

/** Keys will name their project by both columns of its primary key: one of another organisation cannot be named. */
const PROJECT = [
  `CREATE TABLE keys.project (
    organization_id text NOT NULL CONSTRAINT project_organization_fk REFERENCES keys.organization (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT project_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    description text CONSTRAINT project_description_length CHECK (char_length(description) BETWEEN 1 AND 500),
    created_at timestamptz NOT NULL,
    version integer NOT NULL CONSTRAINT project_version_positive CHECK (version > 0),
    CONSTRAINT project_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT project_name_unique UNIQUE (organization_id, name)
  )`,
  `CREATE INDEX project_newest ON keys.project (organization_id, created_at DESC, id DESC)`,
];

/** Open invitations. One that is accepted, taken back or replaced leaves the table; the audit trail keeps it. */
const INVITATION = [
  `CREATE TABLE keys.invitation (
    organization_id text NOT NULL CONSTRAINT invitation_organization_fk REFERENCES keys.organization (id),
    id uuid NOT NULL,
    email text NOT NULL CONSTRAINT invitation_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    role text NOT NULL CONSTRAINT invitation_role_known CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    token_digest bytea NOT NULL CONSTRAINT invitation_token_digest_length CHECK (octet_length(token_digest) = 32),
    invited_by_kind text NOT NULL
      CONSTRAINT invitation_invited_by_kind_known CHECK (invited_by_kind IN ('operator', 'api_key', 'person')),
    invited_by_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT invitation_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT invitation_one_for_an_address UNIQUE (organization_id, email),
    CONSTRAINT invitation_token_unique UNIQUE (organization_id, token_digest),
    CONSTRAINT invitation_invited_by_somebody CHECK ((invited_by_kind <> 'operator') = (invited_by_id IS NOT NULL))
  )`,
  `CREATE INDEX invitation_newest ON keys.invitation (organization_id, created_at DESC, id DESC)`,
  `CREATE INDEX invitation_by_maker ON keys.invitation (organization_id, invited_by_id)`,
];

const RIGHTS = [
  ...tenantTableSql({ schema: 'keys', table: 'project', service: 'SELECT, INSERT, UPDATE, DELETE' }),
  ...tenantTableSql({ schema: 'keys', table: 'invitation', service: 'SELECT, INSERT, UPDATE, DELETE' }),
];

/**
 * Projects, invitations, who made a key, and organisations that are no more. The release before reads none of these.
 */
export class Membership1796515200000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...ORGANIZATION, ...MEMBER, ...MAKER, ...PROJECT, ...INVITATION, ...RIGHTS])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('deleted organisations are not brought back: restore the database from before');
  }
}
