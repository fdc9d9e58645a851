import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { freePort, startProcess, tempFolder, untilReady, waitUntil } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from './kit/app-script.js';
import { startOutside, type Outside } from './kit/outside.js';
import { standaloneSettings, startStandalone } from './kit/standalone.js';
import { waitingAtGate } from './kit/waiting-at-gate.js';

let outside: Outside;
beforeAll(async () => {
  outside = await startOutside();
});
afterAll(() => outside?.stop());

const newFolder = () => join(tempFolder('tollgate-start-stop'), 'data');

/** An address of this machine at which a listener on 127.0.0.1 is not reached. */
function otherAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.2';
}

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

describe('npm start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with its signal: %s to npm alone stops the server, and port and folder are free',
    async (signal) => {
      const dataFolder = newFolder();
      const { url, environment } = await standaloneSettings({ dataFolder, adminSecret: null });
      const npm = await startProcess({
        name: 'npm start',
        command: 'npm',
        args: ['start'],
        cwd: repository,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          TMPDIR: process.env['TMPDIR'],
          ...outside.environment,
          ...environment,
          TOLLGATE_STOP_WINDOW_SECONDS: '0',
        },
      });
      await untilReady(npm, async () => (await fetch(`${url}/healthz`)).ok, {
        what: 'npm start to be ready',
        timeoutMs: 240_000,
      });
      // To npm and nobody else: not to its process group.
      process.kill(npm.pid, signal);
      await npm.exited;
      await waitUntil(() => npm.output().includes('tollgate: stopped'), {
        what: 'the server to say that it has stopped',
      });
      expect(await isFree(Number(environment.TOLLGATE_PORT)), 'the port').toBe(true);
      const next = await startStandalone({ outside, dataFolder });
      await next.stop();
    },
  );

  it('is run, as all scripts that go on, without a shell that would keep signals to itself', async () => {
    const { scripts } = (
      (await import(join(repository, 'package.json'), { with: { type: 'json' } })) as {
        default: { scripts: Record<string, string> };
      }
    ).default;
    for (const [name, script] of Object.entries(scripts))
      expect(script, name).toMatch(/(?:^|&& )(?:NX_DAEMON=false )?exec (?:(?!&&).)+$/);
  });
});

describe('a standalone', () => {
  it('says what it does at its start and at its end, and what its end waits for', async () => {
    const shape = await startStandalone({ outside });
    const key = await shape.client().createKey();
    shape.simulator.closeGate();
    const calls = [1, 2, 3].map(() => shape.client().chat(key.secret, { stream: true }));
    await waitUntil(async () => (await waitingAtGate(shape)) === 3, { what: 'three calls to be under way' });
    const ended = shape.process.askToStop();
    await waitUntil(() => shape.process.output().includes('in flight'), { what: 'the server to wait for them' });
    shape.simulator.openGate();
    for (const call of calls) expect((await call).text).toContain('[DONE]');
    expect(await ended).toEqual({ code: 0, signal: null });
    const said = shape.process
      .output()
      .split('\n')
      .filter((line) => line.startsWith('tollgate: '));
    expect(said).toEqual([
      `tollgate: starting on ${shape.dataFolder}`,
      'tollgate: opening the embedded database',
      'tollgate: stopping (SIGTERM)',
      'tollgate: taking no new requests',
      'tollgate: waiting for 3 requests in flight',
      ...said.filter((line) => /shipping \d usage events?$/.test(line)),
      'tollgate: closing the database',
      'tollgate: stopped',
    ]);
    await shape.stop();
  });

  it('says what the life before left to it', async () => {
    const shape = await startStandalone({ outside });
    const key = await shape.client().createKey();
    const stream = await shape.client().openChat(key.secret, { simulator: { chunks: 1_000, chunk_interval_ms: 50 } });
    await stream.until((text) => text.includes('word0'));
    await shape.process.kill();
    await stream.ended;
    await shape.process.startAgain();
    expect(shape.process.output()).toMatch(/^tollgate: shipping 1 usage event that the last run left$/m);
    await shape.stop();
  });

  it('warns of a variable that nobody knows, once, and goes on', async () => {
    const shape = await startStandalone({
      outside,
      environment: {
        TOLLGATE_OPERATION_PORT: '1',
        TOLLGATE_SIMULATER: 'on',
        TOLLGATE_REDIS_PASSWORD: 'of docker-compose.yml',
      },
    });
    const warnings = shape.process
      .output()
      .split('\n')
      .filter((line) => line.includes('is no variable that Tollgate knows'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(
      /"level":"warn".*TOLLGATE_OPERATION_PORT is no variable.*the nearest name is TOLLGATE_OPERATIONS_PORT"/,
    );
    expect(warnings[1]).toMatch(/TOLLGATE_SIMULATER is no variable.*the nearest name is TOLLGATE_SIMULATOR"/);
    await shape.stop();
  });

  it('keeps its metrics and its readiness to this machine when it is opened to others, unless it is told otherwise', async () => {
    const address = otherAddress();
    const reach = (url: string) =>
      fetch(url, { signal: AbortSignal.timeout(30_000) }).then(
        (reply) => reply.status,
        () => null,
      );
    for (const inner of [undefined, '0.0.0.0']) {
      const operationsPort = await freePort();
      const shape = await startStandalone({
        outside,
        environment: {
          TOLLGATE_HOST: '0.0.0.0',
          TOLLGATE_OPERATIONS_PORT: String(operationsPort),
          ...(inner !== undefined && { TOLLGATE_OPERATIONS_HOST: inner }),
        },
      });
      const { port } = new URL(shape.gateways[0]!.url);
      expect(await reach(`http://${address}:${port}/healthz`)).toBe(200);
      for (const path of ['/metrics', '/readyz'])
        expect(await reach(`http://${address}:${port}${path}`), `${path} on the public listener`).toBe(404);
      for (const path of ['/metrics', '/readyz', '/healthz']) {
        expect(await reach(`http://127.0.0.1:${operationsPort}${path}`)).toBe(200);
        expect(await reach(`http://${address}:${operationsPort}${path}`), `${path} from elsewhere`).toBe(
          inner === undefined ? null : 200,
        );
      }
      await shape.stop();
    }
  });
});
