import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { findProgram, freePort, tempFolder, waitUntil } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appEnvironment } from './kit/app-environments.js';
import { appScript, repository, shortLived } from './kit/app-script.js';
import { startDistributed } from './kit/distributed.js';
import { copyFirstStart } from './kit/first-start.js';
import { startOutside, type Outside } from './kit/outside.js';
import type { Shape } from './kit/shape.js';
import { standaloneSettings, startStandalone } from './kit/standalone.js';

let outside: Outside;
beforeAll(async () => {
  outside = await startOutside();
});
afterAll(() => outside?.stop());

const WINDOW_SECONDS = 6;
const SECRET = 'a-secret-of-a-test-of-stops';
/**
 * Callers of a test stop this long before the window ends: what comes at its very end may be refused. What a gateway
 * passes on comes later than the call.
 */
const [MARGIN_MS, MARGIN_BEHIND_GATEWAYS_MS] = [1_000, 3_000];

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly beganAt: number;
}

/** One call by Node's own client, which repeats nothing. */
function call(url: string, options: RequestOptions, body?: string): Promise<Reply> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, options, (reply) => {
      const { statusCode: status = 0, headers } = reply;
      textOf(reply).then((text) => resolve({ status, headers, text, beganAt }), reject);
    });
    request.once('error', reject).end(body);
  });
}

/** Calls the inference endpoint, plainly or as a stream. */
const chat = (url: string, secret: string, agent: Agent, more: object = {}): Promise<Reply> =>
  call(
    `${url}/v1/chat/completions`,
    { method: 'POST', agent, headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' } },
    JSON.stringify({ model: 'support-bot', messages: [{ role: 'user', content: 'hi' }], max_tokens: 20, ...more }),
  );

const keptConnection = () => new Agent({ keepAlive: true, maxSockets: 1 });
const readiness = async (port: string): Promise<{ status: number; stage: string }> => {
  const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
  const { status: stage } = (await reply.json()) as { status: string };
  return { status: reply.status, stage };
};

/**
 * Asks for each kind of reply, one after the other on a connection of its own, until it is told to stop. `warm`
 * resolves when each kind was answered twice, `ended` with all replies, by their kind.
 */
function askOn(kinds: readonly ((agent: Agent) => Promise<Reply>)[], until: () => boolean) {
  const replies: Reply[][] = kinds.map(() => []);
  const ended = Promise.all(
    kinds.map(async (ask, kind) => {
      const agent = keptConnection();
      while (!until()) {
        replies[kind]!.push(await ask(agent));
        await pause(10);
      }
      agent.destroy();
    }),
  ).then(() => replies);
  // Who waits for the replies hears of a failure there.
  ended.catch(() => undefined);
  const isWarm = () => replies.every((each) => each.length >= 2);
  return { ended, warm: () => waitUntil(isWarm, { what: 'each kind of call to be answered twice' }) };
}

/** Each kind of call that reaches a gateway: its own endpoints and refusals, Nest's, and those that it passes on. */
function kindsOfCalls(shape: Shape, gateway: number, secret: string): ((agent: Agent) => Promise<Reply>)[] {
  const { url } = shape.gateways[gateway]!;
  const headers = { authorization: `Bearer ${shape.adminSecret}` };
  return [
    (agent) => chat(url, secret, agent),
    (agent) => chat(url, secret, agent, { stream: true }),
    (agent) => chat(url, 'sk-unknown', agent),
    (agent) => call(`${url}/v1/models`, { agent, headers: { authorization: `Bearer ${secret}` } }),
    (agent) => call(`${url}/v1/nothing`, { agent }),
    (agent) => call(`${url}/healthz`, { agent }),
    (agent) => call(`${url}/nothing`, { agent }),
    (agent) => call(`${url}/v1/me`, { agent, headers }),
    (agent) => call(`${url}/v1/usage`, { agent, headers }),
  ];
}

describe('a gateway that is asked to stop', () => {
  it('refuses nobody in its window: it serves old connections and new ones, closes each with its reply, and ends streams whole', async () => {
    const operationsPort = String(await freePort());
    const shape = await startStandalone({
      outside,
      underLoad: true,
      environment: {
        TOLLGATE_STOP_WINDOW_SECONDS: String(WINDOW_SECONDS),
        TOLLGATE_OPERATIONS_PORT: operationsPort,
      },
    });
    const { url } = shape.gateways[0]!;
    const key = await shape.client().createKey();
    expect(await readiness(operationsPort)).toEqual({ status: 200, stage: 'ready' });
    const long = chat(url, key.secret, keptConnection(), {
      stream: true,
      simulator: { chunks: 80, chunk_interval_ms: 100 },
    });
    let signalledAt = Infinity;
    const over = () => performance.now() > signalledAt + WINDOW_SECONDS * 1_000 - MARGIN_MS;
    const asking = askOn(kindsOfCalls(shape, 0, key.secret), over);
    await asking.warm();
    const exit = shape.process.askToStop();
    signalledAt = performance.now();
    await waitUntil(async () => (await readiness(operationsPort)).status === 503, { what: '/readyz to be 503' });
    const unreadyAt = performance.now();
    expect(await readiness(operationsPort)).toEqual({ status: 503, stage: 'stopping' });
    expect((await fetch(`http://127.0.0.1:${operationsPort}/livez`)).status).toBe(200);
    // What supervisors send again changes nothing.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.kill(shape.process.pid, signal);
    const sawFreshConnection = await chat(url, key.secret, keptConnection());
    expect(sawFreshConnection).toMatchObject({ status: 200, headers: { connection: 'close' } });

    const byKind = await asking.ended;
    for (const kind of byKind) expect(kind.some(({ beganAt }) => beganAt > unreadyAt)).toBe(true);
    const replies = byKind.flat();
    const [before, after] = [
      replies.filter(({ beganAt }) => beganAt < signalledAt),
      replies.filter(({ beganAt }) => beganAt > unreadyAt),
    ];
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 401, 404]));
    expect(before.some(({ headers }) => headers.connection !== 'close')).toBe(true);
    expect(after.filter(({ headers }) => headers.connection !== 'close').map(({ headers }) => headers)).toEqual([]);
    expect(unreadyAt - signalledAt).toBeLessThan(WINDOW_SECONDS * 1_000);
    expect((await long).text).toContain('data: [DONE]');
    expect(await exit).toEqual({ code: 0, signal: null });
    await shape.stop();
  });

  it('leaves an idle connection alone until the window is over, and refuses connections then', async () => {
    const shape = await startStandalone({ outside, environment: { TOLLGATE_STOP_WINDOW_SECONDS: '1' } });
    const { url } = shape.gateways[0]!;
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket.resume(), 'close').then(() => performance.now());
    const signalledAt = performance.now();
    const exit = shape.process.askToStop();
    expect((await closed) - signalledAt).toBeGreaterThan(950);
    expect(await exit).toEqual({ code: 0, signal: null });
    await expect(call(`${url}/healthz`, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await shape.stop();
  });

  it('has no window for a person who presses Ctrl-C', async () => {
    const shape = await startStandalone({ outside, environment: { TOLLGATE_STOP_WINDOW_SECONDS: '600' } });
    process.kill(shape.process.pid, 'SIGINT');
    expect(await shape.process.exited()).toEqual({ code: 0, signal: null });
    await shape.stop();
  });
});

describe('a service behind gateways that is asked to stop', () => {
  it('answers what gateways pass on to it in its window, whichever stops first', async () => {
    const shape = await startDistributed({
      outside,
      environmentOf: (_, environment) => ({ ...environment, TOLLGATE_STOP_WINDOW_SECONDS: String(WINDOW_SECONDS) }),
    });
    const key = await shape.client().createKey();
    const kinds = [0, 1].map((gateway) => kindsOfCalls(shape, gateway, key.secret));
    for (const stopped of [shape.keyManagement, shape.usageBilling]) {
      let signalledAt = Infinity;
      const over = () => performance.now() > signalledAt + WINDOW_SECONDS * 1_000 - MARGIN_BEHIND_GATEWAYS_MS;
      const asking = kinds.map((each) => askOn(each, over));
      for (const each of asking) await each.warm();
      const exit = stopped.askToStop();
      signalledAt = performance.now();
      const replies = (await Promise.all(asking.map(({ ended }) => ended))).flat(2);
      const statuses = new Set(replies.map(({ status }) => status));
      expect([...statuses].toSorted(), stopped.name).toEqual([200, 401, 404]);
      expect(await exit, stopped.name).toEqual({ code: 0, signal: null });
      await stopped.startAgain();
    }
    await shape.stop();
  }, 600_000);

  it('stops although PostgreSQL and Redis say nothing, and are not gone', async () => {
    const silent = await Silencer.start();
    const shape = await startDistributed({
      outside,
      environmentOf: (_, environment) => ({
        ...environment,
        TOLLGATE_STOP_WINDOW_SECONDS: '1',
        ...(environment['DATABASE_URL'] !== undefined && { DATABASE_URL: silent.before(environment['DATABASE_URL']) }),
      }),
    });
    const key = await shape.client().createKey();
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    silent.silence();
    shape.redis.pause();
    const stopped = [
      ...shape.gateways.map((gateway) => gateway.process),
      shape.keyManagement,
      shape.usageBilling,
      shape.secretScanning,
    ];
    const beganAt = performance.now();
    const exits = await Promise.all(stopped.map((each) => each.askToStop()));
    expect(exits).toEqual(stopped.map(() => ({ code: 0, signal: null })));
    // The window, the silence that is waited for, and what a busy machine takes.
    expect(performance.now() - beganAt).toBeLessThan(60_000);
    shape.redis.resume();
    silent.stop();
    await shape.stop();
  }, 600_000);
});

/** Stands before a server, and passes nothing on any more once it is told so, with its connections open. */
class Silencer {
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => {
      const target = connect(this.#port, '127.0.0.1');
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(from.on('error', () => to.destroy()));
        from.pipe(to);
      }
    });
  }

  static async start(): Promise<Silencer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Silencer(server);
  }

  /** The URL of a server on this machine, by way of this. */
  before(url: string): string {
    const parsed = new URL(url);
    this.#port = Number(parsed.port);
    parsed.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return parsed.href;
  }

  silence(): void {
    this.server.removeAllListeners('connection');
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }
}

describe('a start that is asked to stop', () => {
  it('ends with 0 at any moment, and leaves a folder that the next start goes on with', async () => {
    const seed = Number(process.env['STOP_SEED'] ?? randomInt(1_000_000));
    console.log(`starts are stopped at moments of seed ${seed} (STOP_SEED)`);
    let state = seed;
    const chance = (most: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return (state / 2_147_483_648) * most;
    };
    const dataFolder = join(tempFolder('tollgate-stopped-start'), 'data');
    await copyFirstStart(dataFolder);
    const { environment } = await standaloneSettings({ dataFolder, adminSecret: 'admin-secret-of-the-first-start' });
    for (let round = 0; round < 6; round++) {
      const { child, output } = startApp({ ...environment, ...outside.environment });
      await pause(chance(3_000));
      child.kill('SIGTERM');
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      // Until the first line of the program runs, it is Node.js that ends.
      if (signal !== null)
        expect({ round, signal, output: output() }).toEqual({ round, signal: 'SIGTERM', output: '' });
      else expect({ round, code }).toEqual({ round, code: 0 });
    }
    const shape = await startStandalone({ outside, dataFolder, adminSecret: 'admin-secret-of-the-first-start' });
    const key = await shape.client().createKey();
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    await shape.stop();
  });

  it('is ended although it is the first process of a container, which ignores signals that it has no handler for', async () => {
    if (process.getuid?.() !== 0 || findProgram('unshare') === undefined)
      return void process.stderr.write(
        'this process may make no process namespace: a start as process 1 was not tried\n',
      );
    for (const app of ['standalone', 'gateway', 'key-management', 'usage-billing', 'secret-scanning']) {
      const { child, output } = startApp({}, app, ['unshare', '--pid', '--fork', '--mount-proc']);
      // The child of unshare is process 1 of its namespace. The first signals come before Node.js runs.
      const asking = setInterval(() => signalChildOf(child.pid!), 10);
      const [code] = (await once(child, 'close')) as [number | null];
      clearInterval(asking);
      expect({ app, code, output: output() }).toEqual({
        app,
        code: 0,
        output: 'stopped (SIGTERM) before anything was started\n',
      });
    }
  });
});

describe('a process whose output nobody reads any more', () => {
  it('goes on, and stops in order when its terminal goes, though no store answers', async () => {
    const app = 'gateway';
    const [port, operationsPort, nobody] = [await freePort(), await freePort(), await freePort()];
    const url = `http://127.0.0.1:${nobody}`;
    const environment = appEnvironment(
      app,
      {
        databaseUrl: `postgres://owner:password@127.0.0.1:${nobody}/tollgate`,
        redisUrl: `redis://:password@127.0.0.1:${nobody}`,
        kafkaBrokers: `127.0.0.1:${nobody}`,
        topicPrefix: '',
        secrets: { admin: SECRET, service: SECRET, pepper: SECRET },
        urls: { keyManagement: url, usageBilling: url, secretScanning: url },
        ownerEmail: 'owner@example.com',
        outside: outside.environment,
      },
      { port, operationsPort, dataFolder: join(tempFolder('tollgate-no-output'), 'data') },
    );
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [...shortLived, appScript(app)], {
      cwd: repository,
      env: { PATH: process.env['PATH'], ...environment, TOLLGATE_STOP_WINDOW_SECONDS: '0' },
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    const said = textOf(child.stderr!);
    const ended = once(child, 'close');
    await waitUntil(async () => (await fetch(`http://127.0.0.1:${operationsPort}/livez`)).ok, {
      what: `${app} to live`,
      timeoutMs: 90_000,
    });
    // Lines about stores that are away come meanwhile.
    await pause(1_000);
    const askedAt = performance.now();
    child.kill('SIGHUP');
    expect({ ended: await ended, said: await said }).toEqual({ ended: [0, null], said: '' });
    expect(performance.now() - askedAt).toBeLessThan(30_000);
  });
});

/** Starts an app, below another program where one is named. */
function startApp(environment: Readonly<Record<string, string>>, app = 'standalone', below: readonly string[] = []) {
  const [command = process.execPath, ...args] = [...below, process.execPath, ...shortLived, appScript(app)];
  const child = spawn(command, args, {
    cwd: repository,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (written += chunk));
  return { child, output: () => written };
}

function signalChildOf(pid: number): void {
  try {
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
    if (child > 0) process.kill(child, 'SIGTERM');
  } catch {
    // It has not forked yet, or has ended.
  }
}
