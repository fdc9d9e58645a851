import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { NO_PRECONDITION, Problem } from '@tollgate/http';
import { infraFromEnvironment } from '@tollgate/infra';
import {
  ChangeRole,
  InvitationStore,
  invitationTokenDigest,
  Joining,
  keyManagementEntities,
  keyManagementSchema,
  KeyStore,
  MemberStore,
  newInvitationToken,
  RemoveMember,
  type Invitation,
} from '@tollgate/key-management';
import { migrate, openDatabase, ServiceDatabase, type Database } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Tests concurrent transactions. The use cases' own specs test single changes, on embedded Postgres. */
describe('the members of an organisation on a Postgres server', () => {
  let database: Database;
  let changeRole: ChangeRole;
  let removeMember: RemoveMember;
  let service: ServiceDatabase;
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, keyManagementSchema);
    database = await openDatabase({ url, poolSize: 12, applicationName: 'contract', entities: keyManagementEntities });
    service = new ServiceDatabase(database.dataSource, 'keys');
    changeRole = new ChangeRole(service, new MemberStore());
    removeMember = new RemoveMember(
      service,
      new MemberStore(),
      new InvitationStore(),
      new KeyStore(service, database.lookUps),
    );
  });
  afterAll(() => database?.close());

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    database.dataSource.query(sql, parameters);

  interface Owner {
    readonly organizationId: string;
    readonly id: string;
    readonly personId: string;
  }
  async function organizationWithOwners(count: number): Promise<Owner[]> {
    const organizationId = randomUUID();
    await query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organizationId]);
    const owners: Owner[] = [];
    for (let n = 0; n < count; n++) {
      const email = `${randomUUID()}@example.org`;
      const [person] = await query<{ id: string }>('INSERT INTO keys.person (email) VALUES ($1) RETURNING id', [email]);
      const [member] = await query<{ id: string }>(
        `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'owner') RETURNING id`,
        [organizationId, person!.id, email],
      );
      owners.push({ organizationId, id: member!.id, personId: person!.id });
    }
    return owners;
  }
  const as = ({ organizationId, personId }: Owner) => {
    const principal = {
      kind: 'person',
      personId,
      sessionId: randomUUID(),
      organizationId,
      role: 'owner',
      provenAtMs: Date.now(),
    } as const;
    return { principal, actor: { ...NOBODY, principal } };
  };
  const outcome = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof Problem ? error.code : Promise.reject(error as Error)),
    );
  const remove = (by: Owner, whom: Owner) =>
    outcome(removeMember.execute(whom.organizationId, whom.id, NO_PRECONDITION, as(by), new Date()));
  const demote = (by: Owner, whom: Owner) =>
    outcome(changeRole.execute(whom.organizationId, whom.id, 'viewer', NO_PRECONDITION, as(by), new Date()));
  const ownersOf = async ({ organizationId }: Owner): Promise<number> =>
    (await query(`SELECT 1 FROM keys.member WHERE organization_id = $1 AND role = 'owner'`, [organizationId])).length;

  type Act = (by: Owner, whom: Owner) => Promise<string>;
  it.each<[string, Act, Act, boolean]>([
    ['remove each other', remove, remove, false],
    ['demote each other', demote, demote, false],
    ['remove and demote each other', remove, demote, false],
    ['both leave', remove, remove, true],
    ['both step down', demote, demote, true],
  ])('are never without an owner when the two owners %s at once: the second is told so', async (_what, a, b, self) => {
    for (let round = 0; round < 10; round++) {
      const [one, other] = (await organizationWithOwners(2)) as [Owner, Owner];
      const outcomes = await Promise.all(self ? [a(one, one), b(other, other)] : [a(one, other), b(other, one)]);
      expect(outcomes.toSorted()).toEqual(['done', 'last_owner']);
      expect(await ownersOf(one)).toBe(1);
    }
  });

  it('keep one owner of many, who all remove and demote each other at once', async () => {
    const owners = await organizationWithOwners(6);
    const acts = owners.flatMap((by, at) =>
      owners.filter((whom) => whom !== by).map((whom, n) => ((at + n) % 2 === 0 ? remove(by, whom) : demote(by, whom))),
    );
    const outcomes = await Promise.all(acts);
    expect(await ownersOf(owners[0]!)).toBeGreaterThanOrEqual(1);
    for (const each of outcomes) expect(['done', 'last_owner', 'role_above_own', 'member_not_found']).toContain(each);
    // Nobody acts by a role that they have lost meanwhile: only a chain of acts by owners of that moment is done.
    expect(outcomes.filter((each) => each === 'done').length).toBeLessThanOrEqual(2 * (owners.length - 1));
  });

  it('are joined once by an invitation that is accepted ten times at once', async () => {
    const [owner] = (await organizationWithOwners(1)) as [Owner];
    const { organizationId } = owner;
    const [invitations, members] = [new InvitationStore(), new MemberStore()];
    const joining = new Joining(invitations, members);
    for (let round = 0; round < 5; round++) {
      const email = `${randomUUID()}@example.org`;
      const [person] = await query<{ id: string }>('INSERT INTO keys.person (email) VALUES ($1) RETURNING id', [email]);
      const now = new Date();
      const invitation: Invitation = {
        organizationId,
        id: randomUUID(),
        email,
        role: 'member',
        tokenDigest: invitationTokenDigest(newInvitationToken(organizationId)),
        invitedByKind: 'person',
        invitedById: owner.personId,
        createdAt: now,
        expiresAt: new Date(now.getTime() + 60_000),
      };
      await service.inOrganization(organizationId, (manager) => invitations.insert(manager, invitation));
      const accept = (): Promise<string> =>
        service.inOrganization(organizationId, async (manager) => {
          const taken = await invitations.take(manager, organizationId, invitation.tokenDigest, now);
          if (taken === null) return 'gone';
          await joining.join(manager, taken, { id: person!.id, email, name: null }, now);
          return 'joined';
        });
      const outcomes = await Promise.all(Array.from({ length: 10 }, accept));
      expect(outcomes.filter((each) => each === 'joined')).toHaveLength(1);
      expect(outcomes.filter((each) => each === 'gone')).toHaveLength(9);
      const joined = await query('SELECT 1 FROM keys.member WHERE person_id = $1', [person!.id]);
      expect(joined).toHaveLength(1);
    }
  });

  it('of different organisations do not wait for each other', async () => {
    const [[one, two], [three, four]] = (await Promise.all([organizationWithOwners(2), organizationWithOwners(2)])) as [
      [Owner, Owner],
      [Owner, Owner],
    ];
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query('SELECT 1 FROM keys.organization WHERE id = $1 FOR UPDATE', [one.organizationId]);
      const waiting = demote(one, two);
      expect(await demote(three, four)).toBe('done');
      await runner.commitTransaction();
      expect(await waiting).toBe('done');
    } finally {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      await runner.release();
    }
  });
});
