import { NOTICES_V1, noticesV1 } from '@tollgate/contracts';
import { expect, it } from 'vitest';
import { noticeEntry } from './key-notice.js';

it('is a message of notices.v1, with an id of its own and no secret', () => {
  const key = { id: 'k', name: 'support bot', maskedKey: 'sk-abc…wxyz', organizationId: 'o' };
  const at = new Date('2026-11-29T12:00:00Z');
  const entries = [1, 2].map(() =>
    noticeEntry('api_key.expiring', key, at, { expires_at: '2026-12-01T00:00:00.000Z' }),
  );
  expect(entries.map(({ effect, key: of }) => [effect, of])).toEqual([
    [NOTICES_V1, 'o'],
    [NOTICES_V1, 'o'],
  ]);
  const notices = entries.map(({ payload }) => noticesV1.parse(JSON.parse(payload)));
  expect(notices[0]).toMatchObject({
    type: 'api_key.expiring',
    occurredAt: '2026-11-29T12:00:00.000Z',
    data: {
      organization_id: 'o',
      api_key_id: 'k',
      name: 'support bot',
      masked_key: 'sk-abc…wxyz',
      expires_at: '2026-12-01T00:00:00.000Z',
    },
  });
  expect(new Set(notices.map(({ noticeId }) => noticeId)).size).toBe(2);
});
