import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import type { Shape } from '../kit/shape.js';
import type { CreatedKey, TollgateClient } from '../kit/tollgate-client.js';

const PATH = '/v1/api-keys/import';
const LINES = { 'content-type': 'application/x-ndjson' };
/** Enough for several pieces, and for many revokes meanwhile. */
const MANY = 2_000;
const REVOKE_MS_MAX = 500;

interface Imported {
  readonly imported: number;
  readonly valid: number;
  readonly errors: readonly { readonly line: number; readonly path: string; readonly message: string }[];
}

/** Keys that another product has made, by the SHA-256 of the secrets that their clients go on sending. */
export function theImport(shape: () => Shape): void {
  describe('the import', () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    /** A secret of another product. Neither it nor its SHA-256 may be found anywhere. */
    const newSecret = (prefix = 'sk-'): string => {
      const secret = `${prefix}${randomBytes(24).toString('hex')}`;
      for (const each of [secret, sha256(secret), sha256(secret.slice(3))]) shape().canaries.keySecrets.add(each);
      return secret;
    };
    const importLines = (client: TollgateClient, lines: readonly object[], mode = 'all'): Promise<Reply> =>
      client.admin('POST', `${PATH}?mode=${mode}`, lines.map((line) => JSON.stringify(line)).join('\n'), LINES);
    const statuses = (secret: string): Promise<number[]> =>
      Promise.all(shape().gateways.map(async (_, gateway) => (await shape().client(gateway).chat(secret)).status));
    const everywhere = (status: number): number[] => shape().gateways.map(() => status);

    it('lets clients go on with the secrets that they have, at once and at every gateway, and with no others', async () => {
      const [whole, cut, early] = [newSecret('lm_'), newSecret(), newSecret()];
      expect(await statuses(early), 'a secret that was tried before').toEqual(everywhere(401));
      const reply = await importLines(shape().client(), [
        { sha256: sha256(whole).toUpperCase(), name: 'whole' },
        { sha256: Buffer.from(sha256(cut.slice(3)), 'hex').toString('base64'), name: 'cut', form: 'without_prefix' },
        { sha256: `sha256:${sha256(early)}`, name: 'early', models: ['no-such-model'] },
      ]);
      expect([reply.status, reply.json<Imported>().imported], reply.text).toEqual([200, 3]);
      for (const secret of [whole, cut]) expect(await statuses(secret)).toEqual(everywhere(200));
      expect(await statuses(early), 'its models').toEqual(everywhere(403));
      for (const secret of [cut.slice(3), sha256(whole), `sha256:${sha256(whole)}`, sha256(cut.slice(3))])
        expect(await statuses(secret), 'nobody’s').toEqual(everywhere(401));
      const listed = await shape().client().listKeys('?limit=10');
      const key = listed.data.find(({ name }) => name === 'whole')!;
      await shape().client().deleteKey(key.id);
      expect(await statuses(whole)).toEqual(everywhere(401));
    });

    it('reports and changes nothing; for all, one line that is wrong leaves every line out, and is named', async () => {
      const [good, clear] = [newSecret(), newSecret()];
      const lines = [
        { sha256: sha256(good), name: 'good' },
        { sha256: clear, name: 'a secret by mistake' },
        { sha256: sha256(good), name: 'the same again' },
      ];
      const report = await importLines(shape().client(), lines, 'report');
      expect([report.status, report.json<Imported>().valid]).toEqual([200, 1]);
      expect(report.json<Imported>().errors.map(({ line, path }) => [line, path])).toEqual([
        [2, 'sha256'],
        [3, 'sha256'],
      ]);
      const all = await importLines(shape().client(), lines);
      expect([all.status, all.code]).toEqual([400, 'invalid_request']);
      for (const reply of [report, all]) expect(reply.text).not.toContain(clear);
      expect(await statuses(good)).toEqual(everywhere(401));
    });

    it('takes no key from anybody, and does not say whose it is', async () => {
      const secret = newSecret();
      const [one, other] = [
        await shape().client().newOrganization('one'),
        await shape().client().newOrganization('two'),
      ];
      expect((await importLines(one, [{ sha256: sha256(secret), name: 'of one' }])).status).toBe(200);
      const told = [];
      for (const client of [one, other]) {
        const reply = await importLines(client, [{ sha256: sha256(secret), name: 'mine' }], 'report');
        told.push(reply.json<Imported>().errors);
      }
      expect(told[0]).toEqual(told[1]);
      expect(told[0]).toMatchObject([{ line: 1, path: 'sha256' }]);
      expect((await importLines(other, [{ sha256: sha256(secret), name: 'mine' }])).status).toBe(400);
      expect((await one.listKeys()).data.map(({ name }) => name)).toEqual(['of one']);
      expect((await other.listKeys()).data).toEqual([]);
      expect(await statuses(secret)).toEqual(everywhere(200));
    });

    it(
      'of many keys lets a revoke in the same organisation go before it',
      { timeout: 300_000 },
      async ({ annotate }) => {
        const owner = await shape().client().newOrganization('busy');
        const keys: CreatedKey[] = [];
        for (let n = 0; n < 20; n++) keys.push(await owner.createKey());
        const secrets = Array.from({ length: MANY }, () => `sk-${randomBytes(24).toString('hex')}`);
        let ended = false;
        const begun = performance.now();
        const importing = importLines(
          owner,
          secrets.map((secret) => ({ sha256: sha256(secret), name: 'one of many' })),
        ).finally(() => (ended = true));
        const times: number[] = [];
        for (let key = keys.pop(); key !== undefined && !ended; key = keys.pop()) {
          const sentAt = performance.now();
          const reply = await owner.admin('POST', `/v1/api-keys/${key.id}/revoke`);
          times.push(Math.round(performance.now() - sentAt));
          expect(reply.status).toBe(200);
          expect((await owner.chat(key.secret)).status).toBe(401);
        }
        const reply = await importing;
        const took = Math.round(performance.now() - begun);
        expect([reply.status, reply.json<Imported>().imported], reply.text).toEqual([200, MANY]);
        expect(times.length).toBeGreaterThan(0);
        await annotate(`${MANY} keys in ${took} ms; revokes meanwhile took ${times.join(', ')} ms`);
        expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)], 'ms of a revoke meanwhile').toBeLessThan(
          // On a busy machine all takes long; a revoke that waited for the whole import would take as long as that.
          Math.max(REVOKE_MS_MAX, took / 2),
        );
        expect(await statuses(secrets.at(-1)!)).toEqual(everywhere(200));
      },
    );

    it('whose client leaves midway leaves nothing, and its digests are free again', async () => {
      const owner = await shape().client().newOrganization('leaves');
      const secrets = Array.from({ length: 300 }, () => newSecret());
      const lines = secrets.map((secret) => ({ sha256: sha256(secret), name: 'left' }));
      const body = Readable.from(
        (async function* () {
          for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
          throw new Error('the client leaves');
        })(),
      );
      await expect(owner.admin('POST', `${PATH}?mode=all`, body, LINES)).rejects.toThrow();
      expect((await owner.listKeys()).data).toEqual([]);
      await waitUntil(async () => (await importLines(owner, lines)).status === 200, {
        timeoutMs: 60_000,
        what: 'the digests to be free again',
      });
      expect(await statuses(secrets[0]!)).toEqual(everywhere(200));
    });

    it('is where a rotation begins: the native secret works, the imported one until its end, and never again', async () => {
      const owner = await shape().client().newOrganization('rotates');
      const [whole, cut] = [newSecret('lm_'), newSecret()];
      const lines = [
        { sha256: sha256(whole), name: 'whole', models: ['support-bot'] },
        { sha256: sha256(cut.slice(3)), name: 'cut', form: 'without_prefix', models: ['support-bot'] },
      ];
      expect((await importLines(owner, lines)).status).toBe(200);
      const { data } = await owner.listKeys();
      for (const [name, imported] of [
        ['whole', whole],
        ['cut', cut],
      ] as const) {
        const { id } = data.find((key) => key.name === name)!;
        expect(await statuses(imported), name).toEqual(everywhere(200));
        const { secret, ...key } = await owner.rotateKey(id);
        expect([key.id, key.secrets.length, secret]).toEqual([id, 2, expect.stringMatching(/^sk-[0-9A-Za-z]{50}$/)]);
        // Gateways hear of a new secret within a second.
        await waitUntil(async () => (await statuses(secret)).every((status) => status === 200), {
          what: 'every gateway to take the native secret',
          timeoutMs: 1_000,
        });
        expect(await statuses(imported), `${name}, in its grace period`).toEqual(everywhere(200));
        for (const each of [secret, imported]) {
          const refused = await shape().client().chat(each, { model: 'fine-grained' });
          expect([refused.status, refused.code], 'its models').toEqual([403, 'model_access_denied']);
        }
        expect((await owner.admin('POST', `/v1/api-keys/${id}/finish-rotation`)).status).toBe(200);
        await waitUntil(async () => (await statuses(imported)).every((status) => status === 401), {
          what: 'every gateway to refuse the imported secret',
          timeoutMs: 1_000,
        });
        expect(await statuses(secret), `${name}, after the end`).toEqual(everywhere(200));
        expect((await owner.getKey(id)).secrets.map((each) => each.end_reason)).toEqual(['finished', null]);
      }
      expect((await importLines(owner, lines)).status, 'the digests of ended secrets').toBe(400);
      for (const imported of [whole, cut]) expect(await statuses(imported)).toEqual(everywhere(401));
    });

    it('needs an admin: nobody imports more than they have', async () => {
      const secret = newSecret();
      const maker = await shape()
        .client()
        .createKey({ scopes: ['inference:write'] });
      const bearer = { authorization: `Bearer ${maker.secret}`, ...LINES };
      const line = JSON.stringify({ sha256: sha256(secret), name: 'above' });
      const reply = await shape()
        .client()
        .call({ method: 'POST', path: `${PATH}?mode=all`, headers: bearer, body: line });
      expect([reply.status, reply.code]).toEqual([403, 'access_denied']);
      expect(
        (
          await shape()
            .client()
            .admin('POST', PATH, { sha256: sha256(secret), name: 'json' })
        ).status,
      ).toBe(415);
      expect(await statuses(secret)).toEqual(everywhere(401));
    });
  });
}
