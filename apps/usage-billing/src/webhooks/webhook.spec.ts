import { describe, expect, it } from 'vitest';
import { editedWebhook, rotatedWebhook, type Webhook } from './webhook.js';

const now = new Date('2026-11-29T12:00:00Z');
const webhook: Webhook = {
  organizationId: 'default',
  id: '7c1d2a94-54f2-4c1b-9d65-0123456789ab',
  url: 'https://hooks.example.com/',
  events: ['api_key.leaked'],
  description: null,
  secret: 'sealed one',
  formerSecret: null,
  disabled: null,
  createdAt: new Date('2026-11-01T12:00:00Z'),
  version: 3,
};

describe('an edited webhook', () => {
  it('has a new version if anything changes, and stays as it is otherwise', () => {
    expect(editedWebhook(webhook, { url: 'https://other.example/' }, now)).toMatchObject({
      url: 'https://other.example/',
      version: 4,
    });
    for (const edit of [{}, { url: webhook.url }, { events: webhook.events }, { description: null }, { enabled: true }])
      expect(editedWebhook(webhook, edit, now)).toBeNull();
  });
  it('is switched off by hand, and on again whatever switched it off', () => {
    const off = editedWebhook(webhook, { enabled: false }, now)!;
    expect(off.disabled).toEqual({ at: now, reason: 'by_hand' });
    const gone: Webhook = { ...webhook, disabled: { at: now, reason: 'gone' } };
    expect(editedWebhook(gone, { enabled: false }, now)).toBeNull();
    expect(editedWebhook(gone, { enabled: true }, now)!.disabled).toBeNull();
  });
});

describe('a rotated webhook', () => {
  it('keeps the secret before for its grace period, and not without one', () => {
    const until = new Date('2026-11-30T12:00:00Z');
    expect(rotatedWebhook(webhook, 'sealed two', until, now)).toMatchObject({
      secret: 'sealed two',
      formerSecret: { sealed: 'sealed one', until },
      version: 4,
    });
    expect(rotatedWebhook(webhook, 'sealed two', now, now)!.formerSecret).toBeNull();
  });
  it('is not rotated again while the secret before counts, unless both are to end at once', () => {
    const [soon, later] = [new Date('2026-11-29T13:00:00Z'), new Date('2026-11-30T12:00:00Z')];
    const open = rotatedWebhook(webhook, 'sealed two', soon, now)!;
    expect(rotatedWebhook(open, 'sealed three', later, now)).toBeNull();
    expect(rotatedWebhook(open, 'sealed three', now, now)).toMatchObject({
      secret: 'sealed three',
      formerSecret: null,
    });
    expect(rotatedWebhook(open, 'sealed three', later, soon)).toMatchObject({
      secret: 'sealed three',
      formerSecret: { sealed: 'sealed two', until: later },
      version: 5,
    });
  });
});
