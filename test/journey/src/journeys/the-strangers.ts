import { afterEach, describe, expect, it } from 'vitest';
import { queryDatabase } from '../kit/database.js';
import type { DistributedShape } from '../kit/distributed.js';
import { inventedSecret } from '../kit/invented-secret.js';
import { OneAddress } from '../kit/one-address.js';
import type { Shape } from '../kit/shape.js';
import { chatBody } from '../kit/tollgate-client.js';

const CONNECTIONS = 1_000;
const CONNECTIONS_OF_AN_ADDRESS = 5;
/** So many that a machine which answers a little more than `UNKNOWN_PER_SECOND` of them refuses some. */
const AT_ONCE = 1_200;
/** The look-ups of unknown secrets that an address may cause at a gateway. */
const UNKNOWN_AT_ONCE = 200;
const UNKNOWN_PER_SECOND = 100;

/** Who has no credential, and tries. */
export function theStrangers(shape: () => Shape): void {
  describe('strangers', () => {
    const clients: OneAddress[] = [];
    afterEach(() => clients.splice(0).forEach((client) => client.close()));
    const clientAt = (address: string): OneAddress => {
      const client = new OneAddress(shape().gateways[0]!.url, address);
      clients.push(client);
      return client;
    };
    const chat = (client: OneAddress, secret: string) =>
      client.send({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: chatBody(),
      });

    it(
      'with a thousand connections of invented secrets keep no key alive, and no new one out',
      { timeout: 300_000 },
      async ({ annotate }) => {
        const owner = shape().client();
        const keys = await Promise.all(Array.from({ length: 5 }, () => owner.createKey()));
        const answers = new Map<number, number>();
        let going = true;
        let allTried: () => void = () => undefined;
        const tried = new Promise<void>((resolve) => (allTried = resolve));
        let first = 0;
        const flood = Array.from({ length: CONNECTIONS }, async (_, n) => {
          const client = clientAt(`127.0.1.${1 + Math.floor(n / CONNECTIONS_OF_AN_ADDRESS)}`);
          for (let sent = 0; going; sent++) {
            const { status } = await chat(client, inventedSecret());
            answers.set(status, (answers.get(status) ?? 0) + 1);
            if (sent === 0 && (first += 1) === CONNECTIONS) allTried();
          }
        });
        await tried;
        const times: number[] = [];
        try {
          for (const { id, secret } of keys) {
            const begun = performance.now();
            const reply = await owner.admin('POST', `/v1/api-keys/${id}/revoke`);
            times.push(Math.round(performance.now() - begun));
            // 202 says that a gateway may not know yet, which a slow machine answers; then it will know.
            expect([200, 202]).toContain(reply.status);
            expect(reply.json<{ state: string }>().state).toBe('revoked');
            if (reply.status === 200) expect((await owner.chat(secret)).status).toBe(401);
            else await expect.poll(async () => (await owner.chat(secret)).status, { timeout: 30_000 }).toBe(401);
            const served = await owner.chat((await owner.createKey()).secret);
            expect([served.status, served.text]).toEqual([200, expect.anything()]);
          }
        } finally {
          going = false;
          await Promise.all(flood);
        }
        expect([...answers.keys()].filter((status) => ![401, 429, 503].includes(status))).toEqual([]);
        await annotate(
          `revokes took ${times.join(', ')} ms while strangers were answered ${JSON.stringify([...answers])}`,
        );
      },
    );

    it('of one address are soon told to wait, and keys that are known from there are served', async () => {
      const [known, other] = [await shape().client().createKey(), clientAt('127.0.0.12')];
      const client = clientAt('127.0.0.11');
      expect((await chat(client, known.secret)).status).toBe(200);
      const begun = performance.now();
      // At the same moment, because a slow machine answers fewer one after the other than an address may ask for.
      const replies = await Promise.all(
        Array.from({ length: AT_ONCE }, () => chat(clientAt('127.0.0.11'), inventedSecret())),
      );
      const others = replies.filter(({ status }) => status !== 401);
      expect(others.length).toBeGreaterThan(0);
      const mayBeAsked = UNKNOWN_AT_ONCE + (UNKNOWN_PER_SECOND * (performance.now() - begun)) / 1_000;
      expect(replies.length - others.length).toBeLessThanOrEqual(Math.ceil(mayBeAsked));
      for (const reply of others) {
        expect([reply.status, reply.code, reply.header('retry-after')]).toEqual([429, 'rate_limit_exceeded', '1']);
      }
      expect((await chat(client, known.secret)).status).toBe(200);
      expect((await chat(other, inventedSecret())).code).toBe('invalid_api_key');
    });

    it('who guess the admin secret meet a limit and leave their address, and the operator does not notice', async () => {
      let addresses = 0;
      for (const path of ['/v1/api-keys', '/v1/usage']) {
        const statuses: number[] = [];
        // An address may try once more about every half second, and that may be the moment of the right secret: one of
        // three meets another.
        while (statuses.length < 3 && !statuses.includes(429)) {
          const guesser = clientAt(`127.0.2.${(addresses += 1)}`);
          const guess = (secret: string) =>
            guesser.send({ method: 'GET', path, headers: { authorization: `Bearer ${secret}` } });
          let last = await guess('canary-of-a-guess');
          expect([last.status, last.code]).toEqual([401, 'invalid_credential']);
          for (let n = 0; n < 2_000 && last.status === 401; n++) last = await guess('canary-of-a-guess');
          expect([last.status, last.code]).toEqual([429, 'rate_limit_exceeded']);
          expect(Number(last.header('retry-after'))).toBeGreaterThan(0);
          statuses.push((await guess(shape().adminSecret)).status);
        }
        expect(statuses, 'what the right secret is answered').toContain(429);
        expect(
          (
            await shape()
              .client()
              .admin('GET', `${path}?${path === '/v1/api-keys' ? 'limit=1' : ''}`)
          ).status,
        ).toBe(200);
      }
      const outputs = shape()
        .processes.map((process) => process.output())
        .join('');
      expect(outputs).toMatch(/"address":"127\.0\.2\.1".*a wrong admin secret was shown/);
      expect(outputs).not.toContain('canary-of-a-guess');
    });

    it('cannot write into the trail under another address than their own', async () => {
      const client = clientAt('127.0.0.5');
      const lies = {
        'x-tollgate-client-address': '203.0.113.9',
        'x-tollgate-service-secret': 'guessed',
        'x-forwarded-for': '203.0.113.9',
        forwarded: 'for=203.0.113.9',
        'x-real-ip': '203.0.113.9',
      };
      const headers = { authorization: `Bearer ${shape().adminSecret}`, 'content-type': 'application/json', ...lies };
      const made = await client.send({ method: 'POST', path: '/v1/api-keys', headers, body: '{"name":"a key"}' });
      expect(made.status).toBe(201);
      const { id, secret } = made.json<{ id: string; secret: string }>();
      shape().canaries.keySecrets.add(secret);
      expect((await client.send({ method: 'DELETE', path: `/v1/api-keys/${id}`, headers })).status).toBe(200);
      // Of the embedded database nobody else may read; there the spec of key-management shows it.
      if (shape().name !== 'distributed') return;
      const trail = await queryDatabase(
        (shape() as DistributedShape).databaseUrl,
        `SELECT e.action, s.text AS from_address FROM keys.audit_entry AS e
         LEFT JOIN keys.audit_subject AS s ON s.organization_id = e.organization_id
           AND s.id::text = e.entry::jsonb #>> '{address,$personal,subject}'
         WHERE e.target_id = $1 ORDER BY e.seq`,
        [id],
      );
      expect(trail).toEqual([
        { action: 'api_key.created', from_address: '127.0.0.5' },
        { action: 'api_key.deleted', from_address: '127.0.0.5' },
      ]);
    });

    it.each(['/v1/api-keys/../x', '/v1/api-keys/..%2fx', '/webhooks/%2e%2e/x', '/v1/usage/...', '/v1/usage/%ff'])(
      'find nothing at %s, and leave no error there',
      async (path) => {
        const reply = await clientAt('127.0.0.14').send({ method: 'GET', path });
        // 401 where the path is read as an id: who asks without the secret hears of nothing else.
        expect([400, 401, 404]).toContain(reply.status);
        const outputs = shape()
          .processes.map((process) => process.output())
          .join('');
        expect(outputs).not.toContain(`"requestId":"${reply.requestId}"`);
      },
    );
  });
}
