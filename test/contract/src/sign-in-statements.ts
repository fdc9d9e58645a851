import {
  BeginSession,
  DescribePerson,
  FirstOwner,
  OneTimeTokens,
  Passwords,
  PersonStore,
  Sessions,
} from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** Calls every method of sign-in that queries the database. */
export async function useSignIn({ dataSource }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'keys');
  const sessions = new Sessions(service, { sessions: { idleMs: 60_000, lifeMs: 600_000 } });
  const now = new Date();
  const email = 'somebody@example.org';
  const nobody = { name: null, passwordHash: null, emailConfirmedAt: null, createdAt: now };
  const begun = { method: 'password', lastOrganizationId: null, address: null, client: null } as const;
  const token = await service.outsideOrganizations(async (manager) => {
    const { person } = await new PersonStore().create(manager, { email, ...nobody });
    return (await sessions.open(manager, { personId: person.id, ...begun }, now)).token;
  });
  await dataSource.query(
    `INSERT INTO keys.member (organization_id, person_id, email, role)
     SELECT 'default', id, email, 'owner' FROM keys.person WHERE email = $1`,
    [email],
  );
  const asking = await sessions.identify(token, 'default', now.getTime());
  if (asking === null) throw new Error('the session that was just begun is unknown');
  const [people, tokens] = [new PersonStore(), new OneTimeTokens()];
  await service.outsideOrganizations(async (manager) => {
    const person = await people.find(manager, asking.personId);
    await people.homeOf(manager, person!);
    const issued = await tokens.issue(manager, 'password_reset', asking.personId, now);
    await tokens.spend(manager, 'password_reset', issued.token, now);
    await new BeginSession(sessions).membershipsOf(manager, asking.personId);
  });
  const owner = { initOwnerEmail: 'first@example.org', initOwnerPassword: null };
  const firstOwner = new FirstOwner(service, people, new Passwords(), tokens, owner);
  await firstOwner.newSignInToken();
  await firstOwner.ensure();
  await new DescribePerson(service, new PersonStore()).execute(asking);
}
