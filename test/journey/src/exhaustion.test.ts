import { waitUntil } from '@tollgate/infra';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callsPerKeyMax, connectionsMax, startSmallLimits, type SmallLimits } from './exhaustion/small-limits.js';
import { UnfinishedRequest } from './exhaustion/unfinished-request.js';
import { chatPath, type CreatedKey } from './kit/tollgate-client.js';
import { tellOutputs } from './kit/tell-outputs.js';

const MIB = 1_048_576;
const WEBHOOK = '/webhooks/github/secret-scanning';
/** A body that is refused as soon as it is there, of more than 64 KiB. */
const REFUSED_BODY = `{"model":"well",${' '.repeat(70_000)}`;

/** Heads that are refused, and with what: the body that they announce never comes. */
const heads: readonly (readonly [name: string, path: string, headers: Record<string, string>, answer: string])[] = [
  ['a call without a key', chatPath, {}, '401 missing_api_key'],
  ['a call with a key of nobody', chatPath, { authorization: 'Bearer nonsense' }, '401 invalid_api_key'],
  [
    'a call in chunks',
    chatPath,
    { authorization: 'Bearer nonsense', 'transfer-encoding': 'chunked' },
    '401 invalid_api_key',
  ],
  ['a call of a path that is not served', '/v1/moderations', {}, '404 not_found'],
  ['a key to be made without a secret', '/v1/api-keys', {}, '401 missing_credential'],
  [
    'a revoke without a secret',
    '/v1/api-keys/0190a1b2-0000-7000-8000-000000000000/revoke',
    {},
    '401 missing_credential',
  ],
  ['a report without its headers', WEBHOOK, {}, '401 invalid_signature'],
  ['a report without a signature', WEBHOOK, { 'github-public-key-identifier': 'a' }, '401 invalid_signature'],
  ['a report without an identifier', WEBHOOK, { 'github-public-key-signature': 'a' }, '401 invalid_signature'],
];
/** What only the service behind a gateway can tell by the head; a gateway reads the body first, within its budget. */
const headsOfServices: typeof heads = [
  ['a key to be made with a wrong secret', '/v1/api-keys', { authorization: 'Bearer wrong' }, '401 invalid_credential'],
  ['usage with a wrong secret', '/v1/usage', { authorization: 'Bearer wrong' }, '405 method_not_allowed'],
  [
    'a report with an identifier that is not listed',
    WEBHOOK,
    { 'github-public-key-identifier': 'a', 'github-public-key-signature': 'a' },
    '401 unknown_signing_key',
  ],
];

describe.each(['standalone', 'distributed'] as const)('exhaustion, %s', (name) => {
  let stage: SmallLimits;
  const open: UnfinishedRequest[] = [];
  const url = () => stage.shape.gateways[0]!.url;
  const client = () => stage.shape.client();
  const send = (path: string, headers: Record<string, string>, body: string | Uint8Array = '') => {
    const request = new UnfinishedRequest(url(), path, headers, body);
    open.push(request);
    return request;
  };
  const call = (key: CreatedKey, headers: Record<string, string>, body: string | Uint8Array = '') =>
    send(chatPath, { authorization: `Bearer ${key.secret}`, ...headers }, body);
  const bytes = (count: number) => ({ 'content-length': String(count) });
  const whole = (key: CreatedKey, model: string) => {
    const body = `{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}`;
    return call(key, bytes(body.length), body);
  };
  beforeAll(async () => {
    stage = await startSmallLimits(name);
  });
  afterEach(({ task }) => {
    for (const request of open.splice(0)) request.leave();
    if (task.result?.state === 'fail') tellOutputs(stage.shape);
  });
  afterAll(async () => {
    await stage?.stop();
  });
  describe('a request that is refused by its head', () => {
    it.each([...heads, ...(name === 'standalone' ? headsOfServices : [])])(
      'is answered before its body: %s',
      async (_name, path, headers, answer) => {
        const sized = 'transfer-encoding' in headers ? {} : bytes(MIB - 1);
        expect(await send(path, { ...headers, ...sized }).answer()).toBe(answer);
        const waiting = send(path, { ...headers, ...sized, expect: '100-continue' });
        expect([await waiting.answer(), waiting.text.includes('100 Continue')]).toEqual([answer, false]);
      },
    );
    it('is no other: who may send a body is asked for it', async () => {
      const body = '{"model":"well","messages":[{"role":"user","content":"Hello"}]}';
      const waiting = call(await client().createKey(), { ...bytes(body.length), expect: '100-continue' });
      await waitUntil(() => Promise.resolve(waiting.text === 'HTTP/1.1 100 Continue\r\n\r\n'), {
        what: 'being asked',
        timeoutMs: 60_000,
      });
      waiting.text = '';
      waiting.send(body);
      expect(await waiting.answer()).toBe('200');
    });
  });

  describe('the connections of a provider', () => {
    it('are not all taken by calls that one key has made and left, and those end', async () => {
      const hanging = stage.provider.play('hanging', [['hang']]);
      const [mine, others] = [await client().createKey(), await client().createKey()];
      const many = Array.from({ length: 4 * connectionsMax }, () => whole(mine, 'hanging'));
      const isDecided = () => hanging.requests.length + many.filter(({ text }) => text !== '').length === many.length;
      await waitUntil(() => Promise.resolve(isDecided()), {
        what: 'all to be refused or forwarded',
        timeoutMs: 60_000,
      });
      for (const request of many) request.leave();
      expect(hanging.requests.length).toBe(callsPerKeyMax);
      expect(await whole(mine, 'well').answer()).toBe('429 rate_limit_exceeded');
      whole(others, 'hanging');
      await hanging.request(callsPerKeyMax + 1);
      await Promise.all(hanging.requests.slice(0, callsPerKeyMax).map(({ connection }) => connection.closed));
      await waitUntil(async () => (await whole(mine, 'well').answer()) === '200', {
        what: 'the key to be served again',
        timeoutMs: 60_000,
      });
    });
    it('are told to be in use where they all are, and the next target takes the call', async () => {
      const full = stage.provider.play('full', [['hang']]);
      const keys = await Promise.all(
        Array.from({ length: connectionsMax / callsPerKeyMax }, () => client().createKey()),
      );
      for (const key of keys) for (let calls = 0; calls < callsPerKeyMax; calls++) whole(key, 'full');
      await full.request(connectionsMax);
      const key = await client().createKey({ rate_limits: { requests_per_minute: 2 } });
      const busy = whole(key, 'full');
      expect(await busy.answer()).toBe('503 provider_busy');
      expect(busy.text).toMatch(/retry-after: 1\r\n/);
      // It was not counted either: the key has both of its requests.
      expect(await whole(key, 'full-or-well').answer()).toBe('200');
      expect(await whole(key, 'full-or-well').answer()).toBe('200');
      expect(full.requests.length).toBe(connectionsMax);
    });
  });

  describe('bodies that do not end', () => {
    it('of one key leave room for those of others, and large ones for small ones', async () => {
      const [first, second] = [await client().createKey(), await client().createKey()];
      const mine = [call(first, bytes(31 * MIB), '{'), call(first, bytes(31 * MIB), '{')];
      // Whichever comes in last.
      expect(await Promise.race(mine.map((each) => each.answer()))).toBe('429 rate_limit_exceeded');
      expect(mine.filter(({ text }) => text.includes('bodies'))).toHaveLength(1);
      call(second, { 'transfer-encoding': 'chunked' }, '1\r\n{\r\n');
      expect(await call(second, bytes(20 * MIB), '{').answer()).toBe('503 server_busy');
      expect(await whole(second, 'well').answer()).toBe('200');
      expect(await whole(first, 'well').answer()).toBe('200');
      const revoked = await client().admin('POST', `/v1/api-keys/${first.id}/revoke`, {});
      expect(revoked.status, revoked.text).toBe(200);
    });
    it('give their room back when who sends them leaves', async () => {
      const key = await client().createKey();
      const left = call(key, bytes(31 * MIB), '{');
      await waitUntil(
        async () =>
          (
            await call(key, bytes(31 * MIB), '{')
              .answer()
              .catch(() => '')
          ).startsWith('429'),
        { what: 'the first to be counted', timeoutMs: 60_000 },
      );
      left.leave();
      await waitUntil(
        async () => {
          const next = call(key, { ...bytes(31 * MIB), expect: '100-continue' });
          await waitUntil(() => Promise.resolve(next.text !== ''), { what: 'an answer', timeoutMs: 60_000 });
          next.leave();
          return next.text.startsWith('HTTP/1.1 100');
        },
        { what: 'room again', timeoutMs: 60_000 },
      );
    });
    it('count among the calls of their key', async () => {
      const key = await client().createKey();
      const mine = Array.from({ length: callsPerKeyMax + 1 }, () => call(key, bytes(100), '{'));
      // Whichever comes in last.
      expect(await Promise.race(mine.map((each) => each.answer()))).toBe('429 rate_limit_exceeded');
      expect(mine.filter(({ text }) => text.includes(`${callsPerKeyMax} calls under way`))).toHaveLength(1);
    });
    it('of refused calls cost requests of their key, and are not even read when it has none left', async () => {
      const key = await client().createKey({ rate_limits: { requests_per_minute: 1 } });
      const refuse = () => call(key, bytes(REFUSED_BODY.length), REFUSED_BODY).answer();
      const small = () => call(key, bytes(1), '{').answer();
      expect([await small(), await small(), await small(), await small()]).toEqual(Array(4).fill('400 invalid_json'));
      expect(await refuse()).toBe('400 invalid_json');
      // Head alone: it is refused without its body.
      await waitUntil(
        async () => {
          const unread = call(key, { ...bytes(31 * MIB), expect: '100-continue' });
          await waitUntil(() => unread.text !== '', { what: 'an answer', timeoutMs: 60_000 });
          // What the last one cost may not be known yet: then it is asked for its body, and waits for that.
          if (unread.text.includes('100 Continue')) return unread.leave();
          return (await unread.answer()) === '429 rate_limit_exceeded' && !unread.text.includes('100 Continue');
        },
        { what: 'its large bodies to be refused unread', timeoutMs: 60_000 },
      );
      expect(await whole(key, 'well').answer()).toBe('429 rate_limit_exceeded');
      expect(await small()).toBe('400 invalid_json');
    });
  });
});
