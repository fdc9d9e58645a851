import { Inject, Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import { DEFAULT_ORGANIZATION_ID } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { Personal } from '../audit/audit-value.js';
import { Passwords } from '../people/passwords.js';
import { PersonStore } from '../people/person-store.js';
import type { Person } from '../people/person.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { OneTimeTokens } from './one-time-tokens/one-time-tokens.js';

/** What a start can say of the owner of the first organisation. */
export type FirstOwnerState =
  /** An owner has signed in: from then on owners are changed by the admin API alone. */
  | { readonly kind: 'signed_in' }
  /** None has; this one may, and has a password. */
  | { readonly kind: 'waits'; readonly email: string; readonly hasPassword: boolean };

/** Indexes: member_owners, person_pk. */
const OWNER_SIGNED_IN = `
  SELECT EXISTS (SELECT 1 FROM keys.member AS m JOIN keys.person AS p ON p.id = m.person_id
    WHERE m.organization_id = $1 AND m.role = 'owner' AND p.signed_in_at IS NOT NULL) AS signed_in`;

/** Index: member_person_unique. */
const MAKE_OWNER = `
  INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'owner')
  ON CONFLICT ON CONSTRAINT member_person_unique DO NOTHING RETURNING id`;

/**
 * The first owner of the first organisation, whom the settings name. They count until an owner has signed in: a later
 * start makes nobody an owner again who was removed meanwhile, and changes no password.
 */
@Injectable()
export class FirstOwner {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly tokens: OneTimeTokens,
    @Inject(KEY_MANAGEMENT_SETTINGS)
    private readonly settings: Pick<KeyManagementSettings, 'initOwnerEmail' | 'initOwnerPassword'>,
  ) {}

  /** Makes the owner that the settings name, with their password, unless an owner has signed in already. */
  async ensure(): Promise<FirstOwnerState> {
    const { initOwnerEmail: email, initOwnerPassword } = this.settings;
    if (await this.inFirst((manager) => this.ownerSignedIn(manager))) return { kind: 'signed_in' };
    const known = await this.inFirst((manager) => this.people.ofEmail(manager, email));
    // Computed outside of the transaction, and only where it is going to be set.
    const hash =
      initOwnerPassword === null || (known?.passwordHash ?? null) !== null
        ? null
        : await this.passwords.hash(initOwnerPassword);
    const person = await this.inFirst((manager) => this.make(manager, email, hash));
    return { kind: 'waits', email, hasPassword: person.passwordHash !== null };
  }

  /** A token that signs the owner in once, within an hour. Those before it are good for nothing any more. */
  async newSignInToken(): Promise<string> {
    return this.inFirst(async (manager) => {
      const person = await this.make(manager, this.settings.initOwnerEmail, null);
      await this.tokens.endFor(manager, person.id);
      const { token } = await this.tokens.issue(manager, 'sign_in_link', person.id, new Date());
      await this.audit.append(manager, DEFAULT_ORGANIZATION_ID, [
        { actor: NOBODY, action: 'sign_in_link.created', targetType: 'person', targetId: person.id },
      ]);
      return token;
    });
  }

  private async make(manager: EntityManager, email: string, hash: string | null): Promise<Person> {
    const nobody = { name: null, passwordHash: null, emailConfirmedAt: null };
    const { person } = await this.people.create(manager, { ...nobody, email, createdAt: new Date() });
    const made: { id: string }[] = await manager.query(MAKE_OWNER, [DEFAULT_ORGANIZATION_ID, person.id, email]);
    const setsPassword = hash !== null && (await this.people.setFirstPasswordHash(manager, person.id, hash));
    const entries = [
      ...made.map(({ id }) => ({
        action: 'member.created',
        targetType: 'member',
        targetId: id,
        details: { email: new Personal('email', email, person.id), role: 'owner' },
      })),
      ...(setsPassword ? [{ action: 'person.password_set', targetType: 'person', targetId: person.id }] : []),
    ];
    await this.audit.append(
      manager,
      DEFAULT_ORGANIZATION_ID,
      entries.map((entry) => ({ ...entry, actor: NOBODY })),
    );
    return setsPassword ? { ...person, passwordHash: hash } : person;
  }

  private async ownerSignedIn(manager: EntityManager): Promise<boolean> {
    const rows: { signed_in: boolean }[] = await manager.query(OWNER_SIGNED_IN, [DEFAULT_ORGANIZATION_ID]);
    return rows[0]?.signed_in === true;
  }

  private inFirst<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.inOrganization(DEFAULT_ORGANIZATION_ID, work);
  }
}
