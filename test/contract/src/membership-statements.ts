import { randomBytes, randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { NO_PRECONDITION } from '@tollgate/http';
import {
  ChangeRole,
  InvitationStore,
  KeyMakers,
  KeyGivers,
  KeyReferences,
  KeyStore,
  MemberStore,
  OrganizationChanges,
  ProjectStore,
  RemoveMember,
} from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** An organisation with many members, projects and invitations, so that its statements are planned as in production. */
export const CROWDED = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const MEMBERSHIP_SEEDS = [
  `INSERT INTO keys.organization (id, name) VALUES ('${CROWDED}', 'a crowd')`,
  `INSERT INTO keys.person (email, name) SELECT 'person-' || n || '@example.org', 'Person ' || n FROM generate_series(1, 3000) AS n`,
  `INSERT INTO keys.member (organization_id, person_id, email, role)
   SELECT '${CROWDED}', id, email, CASE WHEN email LIKE 'person-1%0@%' THEN 'owner' ELSE 'member' END
   FROM keys.person WHERE email LIKE 'person-%'`,
  `INSERT INTO keys.api_key
     (id, organization_id, name, scopes, created_at, version, created_by_kind, created_by_id)
   SELECT gen_random_uuid(), '${CROWDED}', 'a key', '{admin}', now(), 1, 'person', gen_random_uuid() FROM generate_series(1, 2000)`,
  `INSERT INTO keys.project (organization_id, id, name, created_at, version)
   SELECT '${CROWDED}', gen_random_uuid(), 'project ' || n, now(), 1 FROM generate_series(1, 2000) AS n`,
  `INSERT INTO keys.invitation
     (organization_id, id, email, role, token_digest, invited_by_kind, invited_by_id, created_at, expires_at)
   SELECT '${CROWDED}', gen_random_uuid(), 'invited-' || n || '@example.org', 'member', sha256(n::text::bytea), 'person', gen_random_uuid(), now(), now() + interval '7 days'
   FROM generate_series(1, 2000) AS n`,
];

const MOMENT = '2026-11-28T09:30:00.123456Z';
const POSITION = [MOMENT, randomUUID()] as const;

/** Calls every method of organisations' people and projects that queries the database. */
export async function useMembership({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  await useProjects(database);
  await useMembers(database);
  await useInvitations(database);
  await useOrganizations(database);
}

async function useProjects(database: ServiceDatabase): Promise<void> {
  const projects = new ProjectStore(database);
  const project = {
    organizationId: CROWDED,
    id: randomUUID(),
    name: 'mine',
    description: null,
    createdAt: new Date(),
    version: 1,
  };
  await database.inOrganization(CROWDED, (manager) => projects.insert(manager, project, NOBODY));
  await projects.find(CROWDED, project.id);
  await projects.list(CROWDED, 10, null);
  await projects.list(CROWDED, 10, POSITION);
  await projects.change(CROWDED, project.id, (before) => ({ ...before, name: 'yours' }), NOBODY);
  await projects.delete(CROWDED, project.id, () => undefined, NOBODY);
}

async function useMembers(database: ServiceDatabase): Promise<void> {
  const members = new MemberStore();
  const now = new Date();
  const [first] = await database.inOrganization(CROWDED, (manager) => members.list(manager, CROWDED, 10, POSITION));
  const [some] = await database.inOrganization(CROWDED, (manager) => members.list(manager, CROWDED, 10, null));
  const { id, personId } = (first ?? some)!.member;
  const person = {
    kind: 'person',
    personId,
    sessionId: randomUUID(),
    organizationId: CROWDED,
    role: 'owner',
    provenAtMs: 0,
  } as const;
  const key = { kind: 'api_key', apiKeyId: randomUUID(), organizationId: CROWDED, scopes: ['admin'] } as const;
  const operator = { kind: 'operator', organizationId: CROWDED } as const;
  await database.inOrganization(CROWDED, (manager) => new KeyReferences().isMember(manager, CROWDED, id));
  const asking = { kind: 'person', personId: randomUUID(), sessionId: randomUUID(), organizationId: CROWDED } as const;
  await database.inOrganization(CROWDED, (manager) =>
    new KeyGivers().handlerOf(manager, { principal: { ...asking, role: 'member', provenAtMs: 0 } }),
  );
  const change = new ChangeRole(database, members);
  for (const principal of [person, key, operator])
    await change
      .execute(CROWDED, id, 'viewer', NO_PRECONDITION, { principal, actor: NOBODY }, now)
      .catch(() => undefined);
  await new KeyMakers(database).of(CROWDED, [randomUUID()]);
  const remove = new RemoveMember(
    database,
    members,
    new InvitationStore(),
    new KeyStore(database, { ask: () => Promise.resolve([]), close: () => Promise.resolve() }),
  );
  await remove.execute(CROWDED, id, NO_PRECONDITION, { principal: operator, actor: NOBODY }, now);
}

async function useInvitations(database: ServiceDatabase): Promise<void> {
  const invitations = new InvitationStore();
  const now = new Date();
  await database.inOrganization(CROWDED, async (manager) => {
    const invitation = {
      organizationId: CROWDED,
      id: randomUUID(),
      email: 'somebody@example.org',
      role: 'member',
      tokenDigest: randomBytes(32),
      invitedByKind: 'operator',
      invitedById: null,
      createdAt: now,
      expiresAt: new Date(now.getTime() + 1_000),
    } as const;
    await invitations.insert(manager, invitation);
    await invitations.find(manager, CROWDED, invitation.id);
    await invitations.ofEmail(manager, CROWDED, invitation.email);
    await invitations.list(manager, CROWDED, 10, null, now);
    await invitations.list(manager, CROWDED, 10, POSITION, now);
    await invitations.endOf(manager, CROWDED, randomUUID());
    await invitations.shown(manager, invitation);
    await invitations.ofToken(manager, CROWDED, invitation.tokenDigest, now);
    await invitations.delete(manager, CROWDED, invitation.id);
    await invitations.take(manager, CROWDED, invitation.tokenDigest, now);
    await new MemberStore().hasAddress(manager, CROWDED, invitation.email);
  });
}

async function useOrganizations(database: ServiceDatabase): Promise<void> {
  const changes = new OrganizationChanges(database);
  await changes.listOf(randomUUID(), 10, null);
  await changes.listOf(randomUUID(), 10, [MOMENT, CROWDED]);
  await changes.change(CROWDED, (before) => ({ ...before, name: 'another', version: before.version + 1 }), NOBODY);
  await changes.delete(CROWDED, () => undefined, NOBODY, new Date());
}
