import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { inventedSecret } from '../kit/invented-secret.js';
import { mailsIn } from '../kit/mailbox.js';
import { nanoUsd } from '../kit/prices.js';
import { usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import type { CreatedKey } from '../kit/tollgate-client.js';

const webhook = '/webhooks/github/secret-scanning';

interface Feedback {
  readonly token_raw?: string;
  readonly token_hash?: string;
  readonly token_type: string;
  readonly label: string;
}

/** A key that GitHub found where it must not be. */
export function theLeak(shape: () => Shape): void {
  describe('the leak', () => {
    const report = (items: readonly object[]) => {
      const body = JSON.stringify(items);
      return post(body, shape().github.sign(body));
    };
    const post = (body: string, headers: Record<string, string>): Promise<Reply> =>
      shape().client().call({ method: 'POST', path: webhook, headers, body });
    const leaked = (token: string, type = 'tollgate_api_key') => ({
      token,
      type,
      url: 'https://github.com/octocat/hello/blob/main/.env',
      source: 'commit',
    });
    const statusEverywhere = (key: CreatedKey) =>
      Promise.all(shape().gateways.map(async (_, gateway) => (await shape().client(gateway).chat(key.secret)).status));
    const mailsAbout = (key: CreatedKey) => mailsIn(shape().mailFolder).filter((mail) => mail.includes(key.masked_key));

    it('kills the key at every gateway, and every item reported gets its label', async () => {
      const key = await shape().client().createKey({ name: 'leaky' });
      expect(await statusEverywhere(key)).toEqual(shape().gateways.map(() => 200));
      const stranger = inventedSecret();
      shape().canaries.keySecrets.add(stranger);
      const reply = await report([
        leaked(stranger, 'unknown'),
        leaked(key.secret, 'ours'),
        { ...leaked('junk', 'junk'), url: '', source: 'FROM_THE_FUTURE' },
      ]);
      expect(reply.status, reply.text).toBe(200);
      const labels = reply.json<Feedback[]>();
      expect(labels.map(({ token_type: type, label }) => [type, label])).toEqual([
        ['unknown', 'false_positive'],
        ['ours', 'true_positive'],
        ['junk', 'false_positive'],
      ]);
      expect(labels.every(({ token_raw: raw, token_hash: hash }) => raw !== undefined || hash !== undefined)).toBe(
        true,
      );
      await waitUntil(async () => (await statusEverywhere(key)).every((status) => status === 401), {
        what: 'every gateway to refuse the key',
        timeoutMs: 1_000,
      });
      expect((await shape().client().getKey(key.id)).state).toBe('revoked');
    });

    it('is told to the owner in one mail, which names the masked key and never the secret', async () => {
      const key = await shape().client().createKey({ name: 'mailed about' });
      await shape().client().chat(key.secret);
      await report([leaked(key.secret)]);
      const [mail] = await waitUntil(() => mailsAbout(key).length > 0 && mailsAbout(key), {
        what: 'the mail about the leak',
      });
      expect(mail).toContain(shape().ownerEmail);
      expect(mail).toContain('mailed about');
      expect(mail).toContain('github.com/octocat/hello');
      expect(mail).not.toContain(key.secret.slice(6, -4));
    });

    it('is harmless when it is reported again', async () => {
      const [key, next] = [await shape().client().createKey(), await shape().client().createKey()];
      const body = JSON.stringify([leaked(key.secret)]);
      const headers = shape().github.sign(body);
      for (let time = 0; time < 3; time++) {
        const reply = await post(body, headers);
        expect([reply.status, reply.json<Feedback[]>()[0]?.label]).toEqual([200, 'true_positive']);
      }
      await waitUntil(() => mailsAbout(key).length > 0, { what: 'the mail about the leak' });
      // A mail about a later leak: those about the earlier ones are out by then.
      await report([leaked(key.secret), leaked(next.secret)]);
      await waitUntil(() => mailsAbout(next).length > 0, { what: 'the mail about the next leak' });
      expect(mailsAbout(key)).toHaveLength(1);
    });

    it('is true of a key that was deleted before', async () => {
      const key = await shape().client().createKey();
      await shape().client().deleteKey(key.id);
      expect((await report([leaked(key.secret)])).json<Feedback[]>()).toMatchObject([{ label: 'true_positive' }]);
    });

    it('is found in a token that holds the secret among other characters, and every other secret with it', async () => {
      const keys = await Promise.all(Array.from({ length: 9 }, () => shape().client().createKey()));
      const secrets = keys.map(({ secret }) => secret);
      const tokens = [
        `${secrets[0]}\n`,
        `"${secrets[1]}"`,
        `'${secrets[2]}',`,
        `Authorization: Bearer ${secrets[3]}`,
        `${secrets[4]}${secrets[4]}`,
        `x${secrets[5]}x`,
        `${secrets[6]}${secrets[7]};${secrets[8]}`,
      ];
      const reply = await report(tokens.map((token) => leaked(token)));
      expect(reply.json<Feedback[]>().map(({ label }) => label)).toEqual(tokens.map(() => 'true_positive'));
      for (const key of keys) {
        expect(await shape().client().getKey(key.id)).toMatchObject({ state: 'revoked' });
        await waitUntil(async () => (await statusEverywhere(key)).every((status) => status === 401), {
          what: 'every gateway to refuse the key',
          timeoutMs: 1_000,
        });
      }
    });

    it('gets an answer for each of a thousand items', async () => {
      const key = await shape().client().createKey();
      const items = Array.from({ length: 1_000 }, (_, i) =>
        leaked(i === 700 ? key.secret : inventedSecret(), `item ${i}`),
      );
      const reply = await report(items);
      const labels = reply.json<Feedback[]>();
      expect(labels).toHaveLength(1_000);
      expect(labels.filter(({ label }) => label === 'true_positive').map(({ token_type: type }) => type)).toEqual([
        'item 700',
      ]);
    });

    it('is not believed where the signature is missing, of other bytes, or of another key', async () => {
      const key = await shape().client().createKey();
      const body = JSON.stringify([leaked(key.secret)]);
      const good = shape().github.sign(body);
      const stranger = shape().strangeGithub.sign(body);
      const refused: [string, Record<string, string>, string][] = [
        [`${body}\n`, good, 'invalid_signature'],
        [body.replace('"commit"', '"COMMIT"'), good, 'invalid_signature'],
        [JSON.stringify(JSON.parse(body), null, 1), good, 'invalid_signature'],
        [
          body,
          { ...good, 'github-public-key-signature': shape().github.sign('[]')['github-public-key-signature']! },
          'invalid_signature',
        ],
        [body, { ...good, 'github-public-key-signature': 'nonsense' }, 'invalid_signature'],
        [
          body,
          { ...good, 'github-public-key-signature': stranger['github-public-key-signature']! },
          'invalid_signature',
        ],
        [body, { 'content-type': 'application/json' }, 'invalid_signature'],
        [body, stranger, 'unknown_signing_key'],
      ];
      for (const [sent, headers, code] of refused) {
        const reply = await post(sent, headers);
        expect([reply.status, reply.code], reply.text).toEqual([401, code]);
        expect(reply.text).not.toContain(key.secret.slice(6, -4));
      }
      expect((await shape().client().getKey(key.id)).state).toBe('active');
      expect(await statusEverywhere(key)).toEqual(shape().gateways.map(() => 200));
      expect(mailsAbout(key)).toEqual([]);
    });

    it('fetches the public keys once, not for each report', async () => {
      const before = shape().github.keyListRequests();
      for (let time = 0; time < 3; time++) await report([leaked('junk')]);
      expect(shape().github.keyListRequests() - before).toBe(0);
    });

    it('that is signed but no list is 400', async () => {
      for (const body of ['{"token":"x"}', 'not json', '"text"', '']) {
        const reply = await post(body, shape().github.sign(body));
        expect(reply.status, body).toBe(400);
      }
    });

    it('whose report is too large is 413, and nothing of it is believed', async () => {
      const key = await shape().client().createKey();
      const body = JSON.stringify([leaked(key.secret), leaked('x'.repeat(40 * 1024 * 1024))]);
      const reply = await post(body, shape().github.sign(body));
      expect([reply.status, reply.code]).toEqual([413, 'body_too_large']);
      expect((await shape().client().getKey(key.id)).state).toBe('active');
    });

    it('has a label also for items that cannot be read, and they keep none of the others from being revoked', async () => {
      const key = await shape().client().createKey();
      const reply = await report([{ type: 'no token' }, leaked(key.secret, 'ours'), { token: 5, type: 'no text' }]);
      expect(reply.json<Feedback[]>().map(({ token_type: type, label }) => [type, label])).toEqual([
        ['no token', 'false_positive'],
        ['ours', 'true_positive'],
        ['no text', 'false_positive'],
      ]);
    });

    it.each([
      ['was alive', false],
      ['had been revoked by hand before', true],
    ])(
      'cuts off what the leaked key has under way, and what was delivered is charged; the key %s',
      async (_, revokedBefore) => {
        const key = await shape().client().createKey({ credit_limit_usd: 1 });
        const streams = await Promise.all(
          shape().gateways.map((_, gateway) =>
            shape()
              .client(gateway)
              .openChat(key.secret, { max_tokens: 400, simulator: { chunks: 200, chunk_interval_ms: 100 } }),
          ),
        );
        for (const stream of streams) await stream.until((text) => text.includes('word0'));
        if (revokedBefore) await shape().client().admin('POST', `/v1/api-keys/${key.id}/revoke`);
        const reportedAt = performance.now();
        expect((await report([leaked(key.secret)])).status).toBe(200);
        for (const stream of streams) {
          const { text } = await stream.ended;
          expect(text).not.toContain('[DONE]');
        }
        // All of a stream takes twenty seconds.
        expect(performance.now() - reportedAt).toBeLessThan(15_000);
        const { cost_usd: cost } = await usageOf(shape(), key.id, streams.length);
        expect(nanoUsd(cost)).toBeGreaterThan(0n);
      },
    );
  });
}
