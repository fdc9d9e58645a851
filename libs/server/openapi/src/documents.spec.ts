import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_SERVICES, joinDocuments, readDocument, readPublicDocument, routesOf, sortRoutes } from './index.js';

/** All values of a key, at every depth. */
function valuesAt(key: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [...(name === key ? [each] : []), ...valuesAt(key, each)]);
}

describe.each([
  ...DOCUMENTED_SERVICES.map((service) => [service, readDocument(service)] as const),
  ['the public origin', readPublicDocument()] as const,
])('the document of %s', (_service, document) => {
  it('is valid OpenAPI 3.1, and all it refers to is there', async () => {
    const validator = new Validator();
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    for (const reference of valuesAt('$ref', document)) {
      const [root, ...path] = (reference as string).split('/');
      expect(root).toBe('#');
      expect(path.reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], document)).toBeDefined();
    }
  });
  it('describes each tag, and has a schema, an example and the id of the request for each reply', () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    expect(new Set(operations.flatMap(({ tags }) => tags))).toEqual(new Set(document.tags.map(({ name }) => name)));
    for (const { operationId, responses } of operations) {
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
      for (const { headers, content } of Object.values(responses)) {
        expect(headers).toHaveProperty('x-request-id');
        for (const { schema } of Object.values((content ?? {}) as Record<string, { schema: unknown }>))
          expect(schema).toBeDefined();
      }
    }
  });
  it('says nothing of internal paths', () => {
    expect(routesOf(document).filter(({ path }) => path.startsWith('/internal'))).toEqual([]);
  });
});

/** POSTs without `Idempotency-Key`, and why they need none. */
const WITHOUT_IDEMPOTENCY_KEY: Readonly<Record<string, string>> = {
  revokeApiKey: 'a revoked key stays revoked',
  searchApiKeys: 'it changes nothing',
  explainApiKey: 'it reads',
  replayQuarantinedEvent: 'an event that was replayed is not booked again',
  discardQuarantinedEvent: 'a discarded event stays discarded',
  finishApiKeyRotation: 'a rotation that is finished stays finished',
  disableApiKey: 'a disabled key stays disabled until it is enabled',
  enableApiKey: 'an enabled key stays enabled until it is disabled',
  answerConsent: 'a browser sends it, and the code that is not exchanged makes no key',
  createOpenRouterKey: 'OpenRouter has no such header, and its clients send none',
  exchangeCode: 'its code is spent by the first',
  acceptInvitation: 'its token is spent by the first',
  createSession: 'who signs in twice has two sessions, and can end them; nobody is known by whom a record could go',
  stepUpSession: 'it proves again who asks',
  startOidcSession: 'it begins a sign-in',
  finishOidcSession: 'its state is spent by the first',
  createPasswordReset: 'nobody is known by whom a record could go; mails are limited',
  finishPasswordReset: 'its token is spent by the first',
  createEmailConfirmation: 'mails are limited',
  finishEmailConfirmation: 'its token is spent by the first',
  useSignInLink: 'its token is spent by the first',
  verifyDomain: 'it looks a record up',
  verifyAuditLogs: 'it reads',
  testWebhook: 'each test is an attempt',
  replayWebhookDelivery: 'a message that is due already stays due',
  eraseAuditTexts: 'what is erased stays erased',
  cancelSubscription: 'what is cancelled stays cancelled',
  resumeSubscription: 'what goes on goes on',
  importProviderReport: 'the same file is one import',
  importApiKeys: 'a key that is there already is named, and none is made twice',
  expireCreditGrant: 'a grant that has expired stays expired',
  reportLeakedSecrets: 'a secret that was reported is revoked already',
};

describe('a POST that creates or bills', () => {
  const inference = new Set(routesOf(readDocument('gateway')).map(({ path }) => path));
  const posts = Object.entries(readPublicDocument().paths).flatMap(([path, { post }]) =>
    post === undefined || inference.has(path) ? [] : [post],
  );
  it.each(posts.map((post) => [post.operationId, post] as const))('can be repeated: %s', (id, { parameters }) => {
    if (id in WITHOUT_IDEMPOTENCY_KEY) return;
    // Give the handler `@Idempotent()` and let `Idempotency` answer, or say above why the route needs none.
    expect(parameters?.map(({ name }) => name)).toContain('idempotency-key');
  });
});

describe('documents that are joined', () => {
  const keys = readDocument('key-management');
  it('have each route once, and mean the same by each name', () => {
    expect(() => joinDocuments('x', [keys, keys])).toThrow('two documents have ');
    const other = { ...readDocument('usage-billing'), components: { ...keys.components, schemas: { Problem: {} } } };
    expect(() => joinDocuments('x', [keys, other])).toThrow('Problem has two meanings');
  });
  it('may have paths below one prefix', () => {
    const [item] = Object.values(readDocument('usage-billing').paths);
    const other = { ...keys, paths: { '/v1/api-keys/{id}/usage': item! } };
    expect(routesOf(joinDocuments('x', [keys, other]))).toEqual(sortRoutes([...routesOf(keys), ...routesOf(other)]));
  });
});
