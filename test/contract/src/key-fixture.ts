import { NOBODY } from '@tollgate/auth';
import { randomUUID } from 'node:crypto';
import { newApiKey, type KeyStore } from '@tollgate/key-management';

export type KeyChange = Parameters<KeyStore['insert']>[1];
export type ApiKey = KeyChange['key'];

export const newDigest = (): string => randomUUID().replaceAll('-', '').repeat(2);

/** A key of the default organisation without limits, with one secret. */
export function newKey(fields: Partial<ApiKey> = {}): ApiKey {
  const key = newApiKey(
    { id: randomUUID(), organizationId: 'default', name: 'a key', scopes: ['inference:write'], createdAt: new Date() },
    { digests: [newDigest()], maskedKey: 'sk-abc…wxyz' },
  );
  return { ...key, ...fields };
}

/** A change whose result is this key. */
export function changeOf(key: ApiKey, change: KeyChange['change'] = 'created'): KeyChange {
  return { change, key, actor: NOBODY, details: {}, at: new Date() };
}

/** A change that gives the key another name and the next version. */
export function renamed(key: ApiKey, name: string): KeyChange {
  return changeOf({ ...key, name, version: key.version + 1 }, 'revoked');
}
