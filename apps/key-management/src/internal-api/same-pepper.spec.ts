import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pepperId } from '@tollgate/api-key';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { createNestServer, httpKeyManagementApi, InternalCallError, SERVICE_SECRETS } from '@tollgate/http';
import { PortsModule } from '@tollgate/service';
import { createLogger, LOGGER } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEY_MANAGEMENT_SETTINGS } from '../ports.js';
import { KeyManagementHttpModule } from './internal-http.module.js';

const SERVICE_SECRET = 'service-secret-of-the-test';
const [OURS, THEIRS] = ['a pepper of the test', 'another pepper of the test'];
const digests = ['ab'.repeat(32)];

@Module({ imports: [KeyManagementHttpModule] })
class InternalApi {}

let app: NestFastifyApplication;
const logged: string[] = [];
const asked: string[] = [];
const clients: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  const api: KeyManagementApi = {
    verifyKey: (digest, previousDigest) => {
      asked.push(digest, ...(previousDigest == null ? [] : [previousDigest]));
      return Promise.resolve({ snapshot: null, organization: null });
    },
    addDigests: async (digests) => void asked.push(...digests.map(({ added }) => added)),
    knownKeys: () => Promise.resolve([]),
    knownOwners: () =>
      Promise.resolve({
        organization: false,
        organizationName: null,
        apiKeys: [],
        groups: [],
        projects: [],
        members: [],
      }),
    contacts: () => Promise.resolve({ organizationName: null, keyName: null, ownerEmails: [] }),
    createSubscriptionKey: ({ apiKeyId }) => Promise.resolve({ apiKeyId, maskedKey: 'sk-sub…1234', secret: null }),
    takeOrganizationTerms: () => Promise.resolve({ everywhere: true }),
    takeSubscriptionTerms: () => Promise.resolve({ everywhere: true }),
    recordRefusedCalls: () => Promise.resolve(),
    identifyPrincipal: () => Promise.resolve({ outcome: 'unknown' }),
    mayHaveImportedKeys: () => Promise.resolve(false),
    revokeLeakedKeys: ({ digests: [digest] }) => Promise.resolve([{ digest: digest!, outcome: 'unknown', key: null }]),
  };
  const logger = createLogger({ service: 'test', destination: { write: (line: string) => void logged.push(line) } });
  const ports = PortsModule.of([
    { provide: KEY_MANAGEMENT_API, useValue: api },
    { provide: SERVICE_SECRETS, useValue: [SERVICE_SECRET] },
    { provide: KEY_MANAGEMENT_SETTINGS, useValue: { peppers: [OURS] } },
    { provide: LOGGER, useValue: logger },
  ]);
  app = await createNestServer({ module: InternalApi, imports: [ports] }, { logger });
  await app.listen(0, '127.0.0.1');
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await app.close();
  logged.length = asked.length = 0;
});

async function client(...peppers: string[]) {
  const options = { url: await app.getUrl(), serviceSecrets: [SERVICE_SECRET] as const, timeoutMs: 60_000 };
  const made = httpKeyManagementApi({ ...options, pepperIds: peppers.map(pepperId) });
  clients.push(made);
  return made;
}

describe('the internal API of key-management', () => {
  it.each([
    ['the same pepper', [OURS]],
    ['none, as the release before', []],
    ['a new one, and that ours was the previous one', [THEIRS, OURS]],
    ['ours, and a previous one that we have forgotten', [OURS, THEIRS]],
  ])('answers a caller that says %s', async (_, peppers) => {
    expect(await (await client(...peppers)).verifyKey(digests[0]!)).toEqual({ snapshot: null, organization: null });
    expect(logged.join('')).not.toContain('pepper');
  });

  it('calls no key of a caller on another pepper unknown: it refuses, and says so once, with the address', async () => {
    const { verifyKey, revokeLeakedKeys } = await client(THEIRS);
    for (const call of [() => verifyKey(digests[0]!), () => revokeLeakedKeys({ origin: 'github', digests })]) {
      const refused: unknown = await call().then(
        () => null,
        (error: unknown) => error,
      );
      expect(refused).toBeInstanceOf(InternalCallError);
      expect(refused).toMatchObject({ refusal: { status: 503, code: 'service_unavailable' } });
    }
    expect(asked).toEqual([]);
    const said = logged
      .filter((line) => line.includes('another TOLLGATE_PEPPER'))
      .map((line) => JSON.parse(line) as object);
    expect(said).toEqual([
      expect.objectContaining({
        level: 'error',
        from: '127.0.0.1',
        theirPepper: pepperId(THEIRS),
        ourPepper: pepperId(OURS),
      }),
    ]);
  });

  it('is asked about both digests of a secret, and answers about either', async () => {
    const [present, previous] = ['ab'.repeat(32), 'cd'.repeat(32)];
    await (await client(THEIRS, OURS)).verifyKey(present, previous);
    expect(asked).toEqual([present, previous]);
  });

  it('takes digests for keys under its own present pepper alone; a gateway that is ahead comes again later', async () => {
    const pair = { known: 'cd'.repeat(32), added: 'ab'.repeat(32) };
    for (const peppers of [[THEIRS, OURS], [THEIRS], []]) {
      const refused = (await client(...peppers)).addDigests([pair]);
      await expect(refused).rejects.toMatchObject({ refusal: { status: 503, code: 'service_unavailable' } });
    }
    expect(asked).toEqual([]);
    await (await client(OURS, THEIRS)).addDigests([pair]);
    expect(asked).toEqual([pair.added]);
  });
});
