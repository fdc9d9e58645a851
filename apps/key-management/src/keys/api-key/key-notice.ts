import { randomUUID } from 'node:crypto';
import { NOTICES_V1, type NoticesV1 } from '@tollgate/contracts';
import type { OutboxEntry } from '@tollgate/postgres';
import type { ApiKey } from './api-key.js';
import type { KeyChange } from './key-change.js';

/** A key as a notice names it. Its secret is never among the data. */
type NamedKey = Pick<ApiKey, 'id' | 'name' | 'organizationId'> & { readonly maskedKey: string };

/** What webhooks are told of a change; null for changes that nobody is told of. */
const TOLD: Readonly<Record<KeyChange['change'], 'api_key.leaked' | 'api_key.revoked' | 'api_key.rotated' | null>> = {
  created: null,
  revoked: 'api_key.revoked',
  deleted: 'api_key.revoked',
  leaked: 'api_key.leaked',
  updated: null,
  disabled: null,
  enabled: null,
  rotated: 'api_key.rotated',
  rotation_finished: null,
  secret_ended: null,
  secret_leaked: 'api_key.leaked',
};

/** The outbox entry by which the organisation's webhooks hear of a change; none if they are not told of it. */
export function changeNotices({ change, key, at }: KeyChange): OutboxEntry[] {
  const type = TOLD[change];
  if (type === null) return [];
  const named = { id: key.id, name: key.name, organizationId: key.organizationId, maskedKey: maskedOf(change, key) };
  return [noticeEntry(type, named, at, MORE[type](change, at))];
}

const MORE = {
  'api_key.leaked': (change: KeyChange['change'], at: Date) => ({
    revoked_at: at.toISOString(),
    former_secret: change === 'secret_leaked',
  }),
  'api_key.revoked': (change: KeyChange['change']) => ({ reason: change === 'deleted' ? 'deleted' : 'revoked' }),
  'api_key.rotated': () => ({}),
};

/** The outbox entry of one notice. Its id is made here, with the entry, so that a repeated message is known as one. */
export function noticeEntry(
  type: string,
  { id, name, maskedKey, organizationId }: NamedKey,
  at: Date,
  more: Readonly<Record<string, unknown>>,
): OutboxEntry {
  const notice: NoticesV1 = {
    eventVersion: 1,
    noticeId: randomUUID(),
    organizationId,
    type,
    occurredAt: at.toISOString(),
    data: { organization_id: organizationId, api_key_id: id, name, masked_key: maskedKey, ...more },
  };
  return { effect: NOTICES_V1, key: organizationId, payload: JSON.stringify(notice) };
}

function maskedOf(change: KeyChange['change'], key: ApiKey): string {
  const leaked = key.secrets.findLast(({ end }) => end?.reason === 'leaked');
  return change === 'secret_leaked' && leaked !== undefined ? leaked.maskedKey : key.maskedKey;
}
