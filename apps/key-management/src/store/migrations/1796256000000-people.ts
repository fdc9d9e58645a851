import { commonTableSql, schemaRightsSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * A person stands for themselves, whatever organisations they belong to. `email` is in the one normal form that
 * sign-in, invitations and mails share. A person without a password has signed in in another way, or not yet.
 */
const PERSON = [
  `CREATE TABLE keys.person (
    id uuid CONSTRAINT person_pk PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL CONSTRAINT person_email_unique UNIQUE
      CONSTRAINT person_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    name text CONSTRAINT person_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    password_hash text,
    email_confirmed_at timestamptz,
    last_organization_id text,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `INSERT INTO keys.person (email, created_at)
   SELECT lower(email), min(created_at) FROM keys.member GROUP BY lower(email)`,
];

/** `email` stays for the release before, which reads and writes members by it and knows owners only. */
const MEMBER = [
  `DELETE FROM keys.member AS m USING keys.member AS earlier
   WHERE earlier.organization_id = m.organization_id AND lower(earlier.email) = lower(m.email) AND earlier.id < m.id`,
  `ALTER TABLE keys.member
     ADD COLUMN person_id uuid CONSTRAINT member_person_fk REFERENCES keys.person (id),
     ADD COLUMN version integer NOT NULL DEFAULT 1 CONSTRAINT member_version_positive CHECK (version > 0),
     DROP CONSTRAINT member_role_known,
     ADD CONSTRAINT member_role_known CHECK (role IN ('owner', 'admin', 'member', 'viewer'))`,
  `UPDATE keys.member AS m SET person_id = p.id FROM keys.person AS p WHERE p.email = lower(m.email)`,
  `ALTER TABLE keys.member
     ALTER COLUMN person_id SET NOT NULL,
     ADD CONSTRAINT member_person_unique UNIQUE (organization_id, person_id)`,
  `CREATE INDEX member_by_person ON keys.member (person_id)`,
  `CREATE FUNCTION keys.member_of_former_release() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.person_id IS NULL THEN
        INSERT INTO keys.person (email) VALUES (lower(NEW.email)) ON CONFLICT (email) DO NOTHING;
        SELECT id INTO NEW.person_id FROM keys.person WHERE email = lower(NEW.email);
      END IF;
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER member_of_former_release BEFORE INSERT ON keys.member
    FOR EACH ROW EXECUTE FUNCTION keys.member_of_former_release()`,
];

/** People, and members as people with a role. The release before goes on reading owners by their address. */
export class People1796256000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const rights = commonTableSql({ schema: 'keys', table: 'person', service: 'SELECT, INSERT, UPDATE' });
    for (const statement of [...schemaRightsSql('keys'), ...PERSON, ...MEMBER, ...rights])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('people are not made into addresses again: restore the database from before');
  }
}
