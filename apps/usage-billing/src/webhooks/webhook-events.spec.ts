import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from './webhook-events.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
/** The files that say something to webhooks, by their path. */
const PUBLISHERS: Readonly<Record<string, string>> = {
  'credit.': 'apps/usage-billing/src/alerts/alert.ts',
  'api_key.expiring': 'apps/key-management/src/keys/key-notices/key-notices.ts',
  'api_key.rotation_due': 'apps/key-management/src/keys/key-notices/key-notices.ts',
  'api_key.': 'apps/key-management/src/keys/api-key/key-notice.ts',
  'subscription.': 'apps/usage-billing/src/subscriptions/subscription-notices.ts',
  'statement.': 'apps/usage-billing/src/statements/store/statement-store.ts',
};
const publisherOf = (type: string): string =>
  readFileSync(root + Object.entries(PUBLISHERS).find(([prefix]) => type.startsWith(prefix))![1], 'utf8');
const docs = readFileSync(`${root}docs/webhooks.md`, 'utf8');

it.each(WEBHOOK_EVENTS)('%s is published, and documented', (type) => {
  expect(publisherOf(type)).toContain(`'${type}'`);
  const [subject, what] = type.split('.') as [string, string];
  const row = docs
    .split('\n')
    .find((line) => line.startsWith('| `') && line.includes(`\`${subject}.`) && line.includes(`.${what}\``));
  expect(row, 'a row in docs/webhooks.md').toBeDefined();
});

it('nothing is published that nobody can ask for', () => {
  const listed = new Set<string>(WEBHOOK_EVENTS);
  for (const path of new Set(Object.values(PUBLISHERS)))
    for (const [, type] of readFileSync(root + path, 'utf8').matchAll(
      /'((?:credit|api_key|subscription|statement)\.[a-z_]+)'/g,
    ))
      expect(listed, path).toContain(type);
});
