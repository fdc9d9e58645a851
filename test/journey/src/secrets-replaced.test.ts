import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { pepperId } from '@tollgate/api-key';
import { waitUntil } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment } from './kit/app-environments.js';
import { queryDatabase } from './kit/database.js';
import {
  REPLACEABLE,
  startReplaceable,
  type Replaceable,
  type ReplaceableShape,
  type Told,
} from './kit/replaceable.js';
import { TollgateClient, type CreatedKey } from './kit/tollgate-client.js';

const newSecrets = (): Deployment['secrets'] => {
  const random = (name: string) => `${name}-${randomBytes(24).toString('hex')}`;
  return { admin: random('admin'), service: random('service'), pepper: random('pepper') };
};
const [OLD, NEW] = [newSecrets(), newSecrets()];
const CHANGING: Told = {
  secrets: NEW,
  more: {
    TOLLGATE_ADMIN_SECRET_PREVIOUS: OLD.admin,
    TOLLGATE_SERVICE_SECRET_PREVIOUS: OLD.service,
    TOLLGATE_PEPPER_PREVIOUS: OLD.pepper,
  },
};
const CHANGED: Told = { secrets: NEW };
/** Calls under way at once, and how long each worker waits before its next. */
const WORKERS = 4;
const PAUSE_MS = 10;

let shape: ReplaceableShape;
/** Clients of both gateways by the admin secret that they show. */
let clients: Record<'old' | 'new', readonly TollgateClient[]>;
const seed = Number(process.env['SECRETS_SEED'] ?? randomInt(1_000_000));
beforeAll(async () => {
  console.log(`secrets are replaced in the order of seed ${seed} (SECRETS_SEED)`);
  shape = await startReplaceable({ secrets: OLD });
  const clientsWith = (secret: string) => shape.gatewayUrls.map((url) => new TollgateClient(url, secret, new Set()));
  clients = { old: clientsWith(OLD.admin), new: clientsWith(NEW.admin) };
});
afterAll(async () => {
  await Promise.all([...clients.old, ...clients.new].map((client) => client.close()));
  await shape?.stop();
});

/** The calls of each key, by its id, that were answered 200. */
const answered = new Map<string, number>();

async function chat(gateway: number, { id, secret }: CreatedKey): Promise<number> {
  const { status } = await clients.new[gateway]!.chat(secret);
  if (status === 200) answered.set(id, (answered.get(id) ?? 0) + 1);
  return status;
}

/** A gateway takes no new calls while it is replaced, as behind a load balancer. */
class Load {
  readonly refusals: string[] = [];
  readonly #keys: CreatedKey[] = [];
  readonly #inRotation = new Set([0, 1]);
  readonly #underWay = [0, 0];
  readonly #workers: Promise<void>[];
  #stopping = false;
  #number = 0;

  constructor(...keys: CreatedKey[]) {
    this.#keys.push(...keys);
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  /** From now on this key is used too. */
  add(key: CreatedKey): void {
    this.#keys.push(key);
  }

  async without(gateway: number | null, work: () => Promise<void>): Promise<void> {
    if (gateway === null) return work();
    this.#inRotation.delete(gateway);
    await waitUntil(() => this.#underWay[gateway] === 0, { what: `gateway ${gateway} to have answered all calls` });
    await work();
    this.#inRotation.add(gateway);
  }

  /** Resolves once each key was used at each gateway in rotation since now. */
  async round(): Promise<void> {
    const from = this.#number;
    await waitUntil(() => this.#number - from > 4 * this.#keys.length + 2 * WORKERS, { what: 'further calls' });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    while (!this.#stopping) {
      const number = this.#number++;
      const rotation = [...this.#inRotation];
      // All keys at one gateway, then all at the next.
      const gateway = rotation[Math.floor(number / this.#keys.length) % rotation.length]!;
      const key = this.#keys[number % this.#keys.length]!;
      this.#underWay[gateway]! += 1;
      const status = await chat(gateway, key).catch(String);
      this.#underWay[gateway]! -= 1;
      if (status !== 200) this.refusals.push(`gateway ${gateway}, ${key.name}: ${status}`);
      // Leaves the processors to the processes that start.
      await delay(PAUSE_MS);
    }
  }
}

/** An order of the processes that follows from a number alone. */
function ordered(from: number): Replaceable[] {
  let state = from;
  const next = (below: number): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const left: Replaceable[] = [...REPLACEABLE];
  return Array.from({ length: left.length }, () => left.splice(next(left.length), 1)[0]!);
}

const gatewayOf = (name: Replaceable): number | null => (name === 'gateway 0' ? 0 : name === 'gateway 1' ? 1 : null);
/** How each gateway answers a call of a key. */
const statuses = (key: CreatedKey): Promise<number[]> => Promise.all([0, 1].map((gateway) => chat(gateway, key)));
/** Makes a key by whichever admin secret key-management knows now; both, once it was replaced. */
async function createKey(name: string): Promise<CreatedKey> {
  const known = (await clients.new[0]!.admin('GET', '/v1/api-keys?limit=1')).status === 200 ? 'new' : 'old';
  return clients[known][1]!.createKey({ name });
}
async function revoke({ id }: CreatedKey): Promise<void> {
  const known = (await clients.new[0]!.admin('GET', '/v1/api-keys?limit=1')).status === 200 ? 'new' : 'old';
  expect((await clients[known][1]!.admin('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(200);
}
async function report(secret: string): Promise<number> {
  const body = JSON.stringify([
    { token: secret, type: 'tollgate_api_key', url: 'https://github.com/a/b', source: 'commit' },
  ]);
  const headers = shape.outside.github.sign(body);
  const path = '/webhooks/github/secret-scanning';
  return (await clients.new[0]!.call({ method: 'POST', path, headers, body })).status;
}

describe('all secrets of a distributed Tollgate, replaced process by process under load', () => {
  it('refuse no valid key, lose and double no usage, and leave no revoked key alive', async () => {
    const [first] = clients.old;
    const make = (name: string) => first!.createKey({ name, credit_limit_usd: 100 });
    const [used, other, idle, leaked] = [
      await make('used'),
      await make('other'),
      await make('idle'),
      await make('leak'),
    ];
    const victims = await Promise.all(REPLACEABLE.map((name) => make(`revoked beside ${name}`)));
    expect(await statuses(leaked)).toEqual([200, 200]);
    const load = new Load(used, other);

    for (const [step, name] of ordered(seed).entries()) {
      await load.without(gatewayOf(name), () => shape.replace(name, CHANGING));
      const victim = victims[step]!;
      expect(await statuses(victim), name).toEqual([200, 200]);
      const made = await createKey(`made after ${name}`);
      expect(await statuses(made), name).toEqual([200, 200]);
      load.add(made);
      await revoke(victim);
      await waitUntil(async () => (await statuses(victim)).every((status) => status === 401), {
        what: `both gateways to refuse a revoked key after ${name} was replaced`,
      });
      await load.round();
    }
    // Known under the old pepper alone until it is used, whoever looks for it.
    expect(await report(leaked.secret)).toBe(200);
    expect(await statuses(leaked)).toEqual([401, 401]);
    for (const secret of [clients.old, clients.new])
      for (const path of ['/v1/api-keys?limit=1', '/v1/usage'])
        expect((await secret[0]!.admin('GET', path)).status, path).toBe(200);
    await waitUntil(async () => (await onlyUnderOldPepper()).length === 1, {
      what: 'all keys that were used to be known under the new pepper',
    });
    expect(await onlyUnderOldPepper()).toEqual([idle.id]);

    for (const [step, name] of ordered(seed + 1).entries()) {
      await load.without(gatewayOf(name), () => shape.replace(name, CHANGED));
      const [made, brief] = [await createKey(`made late after ${name}`), await createKey(`brief ${step}`)];
      expect([await statuses(made), await statuses(brief)], name).toEqual([
        [200, 200],
        [200, 200],
      ]);
      load.add(made);
      await revoke(brief);
      await waitUntil(async () => (await statuses(brief)).every((status) => status === 401), {
        what: `both gateways to refuse a revoked key without the old secrets of ${name}`,
      });
      await load.round();
    }
    await load.stop();
    expect(load.refusals).toEqual([]);
    expect(await statuses(idle)).toEqual([401, 401]);
    expect(shape.processes.get('key-management')!.output()).toContain(`1 under the pepper ${pepperId(OLD.pepper)}`);
    expect((await first!.admin('GET', '/v1/api-keys')).status).toBe(401);
    for (const [id, calls] of answered)
      await waitUntil(async () => (await clients.new[0]!.usage(id)).requests >= calls, { what: 'usage to be booked' });
    const booked = await Promise.all(
      [...answered.keys()].map(async (id) => [id, (await clients.new[0]!.usage(id)).requests] as const),
    );
    expect(new Map(booked)).toEqual(answered);
  });
});

/** The keys that may be used, and have no digest under the new pepper. */
async function onlyUnderOldPepper(): Promise<string[]> {
  const rows = await queryDatabase<{ id: string }>(
    shape.databaseUrl,
    `SELECT id FROM keys.api_key k WHERE revoked_at IS NULL AND NOT EXISTS
       (SELECT 1 FROM keys.api_key_secret s WHERE s.api_key_id = k.id AND s.pepper_id = '${pepperId(NEW.pepper)}')`,
  );
  return rows.map(({ id }) => id);
}
