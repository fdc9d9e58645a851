import { connect } from 'node:net';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { House } from '../house/house.js';
import { secretOf } from '../house/people.js';
import { holds, none, type Part } from './check.js';

/** Services by the names under which they sign in, and the files of their passwords. */
const services = ['gateway', 'key-management', 'usage-billing', 'secret-scanning'] as const;
type Service = (typeof services)[number];

/** Who writes a topic, and who reads it: written down here a second time, as an oracle. */
const topics: Readonly<Record<string, { readonly writes: readonly Service[]; readonly reads: readonly Service[] }>> = {
  'usage.recorded.v1': { writes: ['gateway'], reads: ['usage-billing'] },
  'usage.recorded.v2': { writes: ['gateway'], reads: ['usage-billing'] },
  'leaks.reported.v1': { writes: ['secret-scanning'], reads: ['key-management'] },
  'keys.changed.v1': { writes: ['key-management'], reads: ['secret-scanning'] },
  'keys.used.v1': { writes: ['usage-billing'], reads: ['key-management'] },
  'organizations.changed.v1': { writes: ['usage-billing'], reads: ['key-management'] },
};

const fileOf = (store: string, service: Service): string => {
  const name = service.replaceAll('-', '_');
  return store === 'kafka' ? `kafka_${name}_password` : `${store}_password_${name}`;
};

export const rights: Part = {
  name: 'With the credentials of another service',
  checks: [
    {
      name: 'Kafka refuses whoever does not sign in, and a wrong password',
      run: async ({ house }) => {
        const host = await addressOf(house, 'kafka');
        const tried = {
          'no password': kafkaAt(host),
          'a wrong password': kafkaAt(host, 'gateway', 'x'.repeat(32)),
          'the operator from outside of the container': kafkaAt(
            host,
            'tollgate',
            secretOf(house, 'kafka_operator_password'),
          ),
        };
        const open: string[] = [];
        for (const [how, kafka] of Object.entries(tried))
          if (await succeeds(() => withAdmin(kafka, (admin) => admin.listTopics()))) open.push(how);
        none('Kafka let in', open);
        return Object.keys(tried).join(', ');
      },
    },
    {
      name: 'on Kafka each service writes and reads its own topics, and no others',
      run: async ({ house }) => {
        const host = await addressOf(house, 'kafka');
        const wrong: string[] = [];
        let tried = 0;
        for (const service of services) {
          const kafka = kafkaAt(host, service, secretOf(house, fileOf('kafka', service)));
          for (const [topic, { writes, reads }] of Object.entries(topics)) {
            tried += 2;
            // An empty value is a record that readers pass over; where it is refused, none is written.
            if (!writes.includes(service) && (await succeeds(() => write(kafka, topic))))
              wrong.push(`${service} wrote ${topic}`);
            const readable = await succeeds(() => fetchRecords(kafka, topic));
            if (readable !== reads.includes(service))
              wrong.push(`${service} ${readable ? 'reads' : 'cannot read'} ${topic}`);
          }
        }
        none('on Kafka', wrong);
        return `${tried} acts of ${services.length} services`;
      },
    },
    {
      name: 'on Kafka no service makes or deletes topics, changes settings, users or rights',
      run: async ({ house }) => {
        const host = await addressOf(house, 'kafka');
        const done: string[] = [];
        for (const service of services) {
          const kafka = kafkaAt(host, service, secretOf(house, fileOf('kafka', service)));
          const acts: Record<string, (admin: Admin) => Promise<unknown>> = {
            'makes topics': (admin) => admin.createTopics({ topics: [{ topic: `of-${service}`, numPartitions: 1 }] }),
            'deletes topics': (admin) => admin.deleteTopics({ topics: ['leaks.reported.v1'], timeout: 5_000 }),
            'deletes records': (admin) =>
              admin.deleteTopicRecords({ topic: 'usage.recorded.v1', partitions: [{ partition: 0, offset: '-1' }] }),
            'changes settings': (admin) =>
              admin.alterConfigs({
                validateOnly: false,
                resources: [
                  { type: 2, name: 'usage.recorded.v1', configEntries: [{ name: 'retention.ms', value: '1' }] },
                ],
              }),
            'gives rights': (admin) =>
              admin.createAcls({
                acl: [
                  {
                    principal: `User:${service}`,
                    host: '*',
                    operation: 2,
                    permissionType: 3,
                    resourceType: 2,
                    resourceName: '*',
                    resourcePatternType: 3,
                  },
                ],
              }),
            "moves another's offsets": (admin) =>
              admin.setOffsets({
                groupId: service === 'usage-billing' ? 'key-management' : 'usage-billing',
                topic: 'usage.recorded.v1',
                partitions: [{ partition: 0, offset: '0' }],
              }),
          };
          // It reads how large topics are on disk, and the right to that is the one to read the rights of all.
          if (service !== 'usage-billing')
            acts['reads rights'] = (admin) =>
              admin.describeAcls({ resourceType: 1, resourcePatternType: 1, operation: 1, permissionType: 1 });
          for (const [act, perform] of Object.entries(acts))
            if (await succeeds(() => withAdmin(kafka, perform))) done.push(`${service} ${act}`);
        }
        none('on Kafka', done);
        return `${services.length} services, up to 7 acts each`;
      },
    },
    {
      name: 'Redis refuses whoever does not sign in, and a wrong password',
      run: async ({ house }) => {
        const host = await addressOf(house, 'redis');
        const open: string[] = [];
        if (await redisDoes(host, undefined, undefined, ['ping'])) open.push('no password');
        if (await redisDoes(host, 'gateway', 'x'.repeat(32), ['ping'])) open.push('a wrong password');
        if (await redisDoes(host, 'default', '', ['ping'])) open.push('default without a password');
        none('Redis let in', open);
      },
    },
    {
      name: 'in Redis each service does its work, and nothing of an operator or of another service',
      run: async ({ house }) => {
        const host = await addressOf(house, 'redis');
        const common = [
          ['flushall'],
          ['flushdb'],
          ['config', 'get', '*'],
          ['config', 'set', 'maxmemory', '1'],
          ['acl', 'list'],
          ['acl', 'setuser', 'default', 'on', 'nopass', '+@all', '~*'],
          ['keys', '*'],
          ['monitor'],
          ['debug', 'sleep', '0'],
          ['shutdown', 'nosave'],
          ['replicaof', 'no', 'one'],
          ['save'],
          ['script', 'flush'],
          ['function', 'flush'],
          ['module', 'list'],
          ['client', 'kill', 'type', 'normal'],
          ['eval', "return redis.call('flushall')", '0'],
          ['set', 'a-key-of-nobody', '1'],
          ['get', 'a-key-of-nobody'],
        ];
        const snapshot = 'tollgate:key:v1:of-nobody';
        const admission = 'tollgate:{nobody}:admission:v1';
        const own: Record<string, string[][]> = {
          gateway: [
            ['hset', snapshot, 'state', 'active'],
            ['del', snapshot],
            ['eval', "return redis.call('hset', KEYS[1], 'state', 'active')", '1', snapshot],
            ['xadd', 'tollgate:{key-changes}:stream', '*', 'a', 'b'],
            ['del', 'tollgate:gateways'],
          ],
          'key-management': [
            ['hset', admission, 'posted', '0'],
            ['hgetall', admission],
            ['eval', "return redis.call('hset', KEYS[1], 'posted', '0')", '1', admission],
            ['hset', 'tollgate:gateways', 'a', 'b'],
          ],
          'usage-billing': [
            ['hset', snapshot, 'state', 'active'],
            ['hgetall', snapshot],
            ['eval', "return redis.call('hset', KEYS[1], 'state', 'active')", '1', snapshot],
            ['xadd', 'tollgate:{key-changes}:stream', '*', 'a', 'b'],
          ],
        };
        const wrong: string[] = [];
        for (const [service, acts] of Object.entries(own)) {
          const password = secretOf(house, fileOf('redis', service as Service));
          if (!(await redisDoes(host, service, password, ['ping']))) wrong.push(`${service} cannot sign in`);
          for (const act of [...common, ...acts])
            if (await redisDoes(host, service, password, act))
              wrong.push(`${service} may ${act.join(' ').slice(0, 60)}`);
        }
        none('in Redis', wrong);
        return `${common.length} acts of operators and up to 5 of others, 3 services`;
      },
    },
    {
      name: "PostgreSQL lets no service read or write what is another's, change the ledger, or become more",
      run: async ({ house }) => {
        const host = await addressOf(house, 'postgres');
        const roles = [
          ['tollgate_keys', 'key-management', 'keys'],
          ['tollgate_billing', 'usage-billing', 'billing'],
          ['tollgate_scanning', 'secret-scanning', 'scanning'],
        ] as const;
        const wrong: string[] = [];
        let tried = 0;
        for (const [role, service, schema] of roles) {
          const password = secretOf(house, fileOf('database', service));
          const others = roles.map(([, , other]) => other).filter((other) => other !== schema);
          const tables = await asOwner(house, host, others);
          const acts = [
            ...tables.flatMap((table) => [`select * from ${table} limit 1`, `delete from ${table}`]),
            'delete from billing.transfer',
            'update billing.transfer set amount_nano_usd = 0',
            'truncate billing.transfer',
            'truncate keys.audit_entry',
            "set session_replication_role = 'replica'",
            'alter table billing.transfer disable trigger all',
            "copy (select 1) to program 'true'",
            "copy (select 1) to '/tmp/out'",
            "select pg_read_file('/etc/passwd')",
            'create role another superuser',
            `alter role ${role} superuser`,
            `alter role ${role} bypassrls`,
            'set role tollgate',
            'create schema mine',
            `create table ${schema}.mine (a int)`,
            'create table public.mine (a int)',
            'create extension dblink',
            `drop schema ${schema} cascade`,
            "alter system set log_statement = 'all'",
            'select rolpassword from pg_authid',
          ];
          for (const act of acts) {
            tried += 1;
            if (await databaseDoes(host, role, password, act)) wrong.push(`${role}: ${act}`);
          }
        }
        none('in PostgreSQL', wrong);
        return `${tried} statements of ${roles.length} roles`;
      },
    },
    {
      name: "PostgreSQL refuses a service that signs in with another's password, or without one",
      run: async ({ house }) => {
        const host = await addressOf(house, 'postgres');
        const password = secretOf(house, fileOf('database', 'secret-scanning'));
        const open: string[] = [];
        for (const role of ['tollgate', 'tollgate_keys', 'tollgate_billing'])
          for (const [how, each] of [
            ['the password of secret-scanning', password],
            ['none', ''],
          ] as const)
            if (await databaseDoes(host, role, each, 'select 1')) open.push(`${role} by ${how}`);
        none('PostgreSQL let in', open);
      },
    },
  ],
};

/** The address of a store on one of its networks, which are the engine's machine's too. */
async function addressOf(house: House, service: string): Promise<string> {
  const [container] = await house.running([service]);
  const { IPAddress } = Object.values(container!.NetworkSettings.Networks)[0]!;
  return IPAddress;
}

/** Errors that say that an act was refused; anything else than these, or success, is no proof. */
const refusals =
  /NOAUTH|NOPERM|WRONGPASS|permission denied|must be owner|must be superuser|not authorized|authoriz|[Aa]uthentication|[Pp]assword|permission|only roles with|append-only|cannot be changed|not allowed|metadata not loaded|find group coordinator|SASL|Closed connection|Connection is closed|disconnected/;

/** Whether it was done. Throws where it failed for another reason than that it is not allowed. */
async function succeeds(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    const several = (error as { errors?: readonly Error[] }).errors ?? [];
    const message = [error, (error as Error).cause, ...several]
      .map((each) => `${(each as Error)?.name} ${(each as Error)?.message}`)
      .join(' ');
    if (refusals.test(message)) return false;
    throw error;
  }
}

function kafkaAt(host: string, username?: string, password?: string): Kafka {
  return new Kafka({
    clientId: 'check',
    // The broker calls itself by a name of its own network.
    brokers: [`${host}:9092`],
    socketFactory: ({ port, onConnect }) => connect({ host, port }, onConnect),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 8_000,
    retry: { retries: 0 },
    ...(username !== undefined && { sasl: { mechanism: 'scram-sha-512', username, password: password ?? '' } }),
  });
}

async function withAdmin<T>(kafka: Kafka, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await act(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function write(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer({ retry: { retries: 0 } });
  try {
    await producer.connect();
    await producer.send({ topic, messages: [{ key: 'nobody', value: '' }] });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

/** What kafkajs keeps to itself and is needed to fetch as a consumer without a group does. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(of: { nodeId: string }): Promise<{ fetch(request: object): Promise<unknown> }>;
}

/** Fetches records without being the member of a group, which the library offers nowhere: groups have rights too. */
async function fetchRecords(kafka: Kafka, topic: string): Promise<void> {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => /createCluster/.test(description ?? ''));
  const make = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol!]!;
  const cluster = make({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
  try {
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
    const broker = await cluster.findBroker({ nodeId: nodeId! });
    const partitions = [{ partition: 0, fetchOffset: '0', maxBytes: 1_000 }];
    await broker.fetch({ maxWaitTime: 10, minBytes: 0, maxBytes: 1_000, topics: [{ topic, partitions }] });
  } finally {
    await cluster.disconnect().catch(() => undefined);
  }
}

async function redisDoes(
  host: string,
  username: string | undefined,
  password: string | undefined,
  [command, ...args]: readonly string[],
): Promise<boolean> {
  const redis = new Redis({
    host,
    username,
    password,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 3_000,
    commandTimeout: 5_000,
  });
  redis.on('error', () => undefined);
  try {
    return await succeeds(async () => {
      await redis.connect();
      await redis.call(command!, ...args);
    });
  } finally {
    redis.disconnect();
  }
}

async function databaseDoes(host: string, user: string, password: string, statement: string): Promise<boolean> {
  // What is done by mistake is undone with its transaction, but for statements that none may hold.
  const before = statement.startsWith('alter system') ? [] : ['begin'];
  const client = new Client({ host, port: 5432, user, password, database: 'tollgate', connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    return await succeeds(async () => {
      await client.connect();
      for (const each of [...before, statement]) await client.query(each);
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The tables of these schemas. */
async function asOwner(house: House, host: string, schemas: readonly string[]): Promise<string[]> {
  const password = secretOf(house, 'database_migration_password');
  const client = new Client({ host, user: 'tollgate', password, database: 'tollgate' });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any($1) order by 1",
      [schemas],
    );
    holds(rows.length > 0, `there are no tables in ${schemas.join(', ')}`);
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}
