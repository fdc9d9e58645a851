import type { DemoConfig } from './config.js';
import type { DemoKey } from './demo-keys.js';
import type { KnownKey } from './usage-of-day.js';

interface ListedKey {
  readonly id: string;
  readonly name: string;
}

/** The organisation that the admin secret acts in unless it names another. */
const ORGANIZATION_ID = 'default';

/** The keys by their names, as the admin API knows them; those that are missing are made. */
export async function knownKeys(config: DemoConfig, keys: readonly DemoKey[]): Promise<KnownKey[]> {
  const known: KnownKey[] = [];
  for (const key of keys) {
    const { data } = await ask<{ data: ListedKey[] }>(config, `/v1/api-keys?q=${encodeURIComponent(key.name)}`);
    const { id } =
      data.find(({ name }) => name === key.name) ?? (await ask<ListedKey>(config, '/v1/api-keys', { name: key.name }));
    known.push({ ...key, id, organizationId: ORGANIZATION_ID });
  }
  return known;
}

async function ask<T>({ keyManagementUrl, adminSecret }: DemoConfig, path: string, body?: object): Promise<T> {
  const reply = await fetch(keyManagementUrl + path, {
    headers: { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${path.split('?', 1)[0]} answered ${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as T;
}
