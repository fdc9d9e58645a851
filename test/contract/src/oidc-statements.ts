import { randomBytes, randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { DomainStore, IdentityStore, OidcProviderStore, SignInAttemptStore } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** Sign-ins that many browsers have begun, so that statements are planned as in production. */
export const OIDC_SEEDS = [
  `INSERT INTO keys.oidc_attempt (organization_id, state_digest, browser_digest, provider_version, return_to, expires_at)
   SELECT 'default', sha256(n::text::bytea), sha256('b'), 1, '/', now() + n * interval '1 second'
   FROM generate_series(1, 2000) AS n`,
];

/** Calls every method of sign-in by OpenID providers that queries the database. */
export async function useOidc({ dataSource }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'keys');
  const organizationId = 'default';
  const now = new Date();
  const providers = new OidcProviderStore(service);
  const settings = { issuer: 'https://idp.example', clientId: 'c', clientSecret: 'sealed', required: false };
  await providers.set(organizationId, settings, NOBODY, now);
  await providers.set(organizationId, { ...settings, clientId: 'd' }, NOBODY, now);

  const attempts = new SignInAttemptStore(service);
  const key = { organizationId, stateDigest: randomBytes(32), browserDigest: randomBytes(32) };
  const attempt = { ...key, providerVersion: 2, returnTo: '/', stepUpSessionId: null };
  await attempts.insert({ ...attempt, expiresAt: new Date(now.getTime() + 1_000) }, now);
  await attempts.take(key, now);

  const domains = new DomainStore(service);
  const domain = { organizationId, id: randomUUID(), name: 'example.org', token: 't', provenAt: null, createdAt: now };
  await service.inOrganization(domain.organizationId, (manager) => domains.insert(manager, domain, NOBODY));
  await domains.setProven(domain, now, NOBODY);
  await domains.list(organizationId);
  await domains.proven('example.org');
  await domains.delete(organizationId, domain.id, NOBODY);

  const identities = new IdentityStore();
  const of = { organizationId, issuer: settings.issuer, subject: 's' };
  await service.inOrganization(organizationId, async (manager) => {
    await providers.noteProven(manager, (await providers.findIn(manager, organizationId))!, now);
    await domains.isProven(manager, organizationId, 'example.org');
    const person = await identities.personOfEmail(manager, 'somebody@example.org', of);
    await identities.personOfId(manager, person!.id, of);
    await identities.insert(manager, { ...of, id: randomUUID(), personId: person!.id, createdAt: now });
    await identities.find(manager, of);
  });
  await providers.delete(organizationId, NOBODY);
}
