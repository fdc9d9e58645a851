import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { bodyOf, messageIdOf } from './webhook-events.js';
import { newWebhookSecret, webhookHeaders } from './webhook-secret.js';

const body = bodyOf({ type: 'webhook.test', occurredAt: '2026-11-29T12:00:00.000Z', data: { name: 'Zoë ✓' } });
const id = messageIdOf('9b2f6c1d-8e4a-4f7b-9a3c-0123456789ab');

describe('G3: a signed message', () => {
  it('is taken by the library of Standard Webhooks, to the byte', () => {
    const secret = newWebhookSecret();
    const headers = webhookHeaders({ id, at: new Date(), body }, [secret]);
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow();
  });

  it('is signed with the bytes behind whsec_, not with the text', () => {
    // The example of the specification's libraries.
    const headers = webhookHeaders({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: new Date(1_614_265_330_000), body: '{"test": 2432232314}' }, [
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    ]); // prettier-ignore
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('has a signature of each secret while one is replaced, with a space between them', () => {
    const [present, former] = [newWebhookSecret(), newWebhookSecret()];
    const headers = webhookHeaders({ id, at: new Date(), body }, [present, former]);
    expect(headers['webhook-signature']).toMatch(/^v1,[\w+/]{43}= v1,[\w+/]{43}=$/);
    for (const secret of [present, former]) expect(new Webhook(secret).verify(body, headers)).toBeTruthy();
  });

  it('carries the time of the attempt and the id of the message, so that a late attempt is taken', () => {
    const secret = newWebhookSecret();
    const first = webhookHeaders({ id, at: new Date(Date.now() - 3_600_000), body }, [secret]);
    expect(() => new Webhook(secret).verify(body, first)).toThrow(/too old/);
    const later = webhookHeaders({ id, at: new Date(), body }, [secret]);
    expect(new Webhook(secret).verify(body, later)).toBeTruthy();
    expect(later['webhook-id']).toBe(first['webhook-id']);
  });

  it('is signed with any secret of 24 to 64 bytes', () => {
    for (const bytes of [24, 33, 64]) {
      const secret = `whsec_${randomBytes(bytes).toString('base64')}`;
      expect(new Webhook(secret).verify(body, webhookHeaders({ id, at: new Date(), body }, [secret]))).toBeTruthy();
    }
    expect(newWebhookSecret()).not.toBe(newWebhookSecret());
  });
});
