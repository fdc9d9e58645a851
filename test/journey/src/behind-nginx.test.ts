import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  canInstallPackages,
  findProgram,
  freePort,
  installPackage,
  startProcess,
  tempFolder,
  untilReady,
  waitUntil,
  type RunningProcess,
} from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { repository } from './kit/app-script.js';
import { startDistributed, type DistributedShape } from './kit/distributed.js';
import { startOutside } from './kit/outside.js';

const WINDOW_SECONDS = 2;
/** The client's address; nginx and the gateways talk on another one. */
const CLIENT_ADDRESS = '127.0.0.7';

interface Reply {
  readonly status: number;
  readonly text: string;
  /** Milliseconds from the call to the first data, and to the end. */
  readonly firstDataMs: number;
  readonly endMs: number;
}

/** A call on a connection of its own, from the client's address. */
function call(url: string, secret: string, body: object, headers: Record<string, string> = {}): Promise<Reply> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${url}/v1/chat/completions`,
      {
        method: 'POST',
        agent: false,
        localAddress: CLIENT_ADDRESS,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
      },
      (reply) => {
        let [text, firstDataMs] = ['', 0];
        reply.setEncoding('utf8');
        reply.on('data', (chunk: string) => {
          if (text === '') firstDataMs = performance.now() - beganAt;
          text += chunk;
        });
        reply.once('error', reject);
        reply.once('end', () =>
          resolve({ status: reply.statusCode ?? 0, text, firstDataMs, endMs: performance.now() - beganAt }),
        );
      },
    );
    request.once('error', reject);
    request.end(
      JSON.stringify({ model: 'support-bot', messages: [{ role: 'user', content: 'hi' }], max_tokens: 50, ...body }),
    );
  });
}

/** The program, installed where that can be done; null where it cannot. */
async function nginxProgram(): Promise<string | null> {
  const installed = findProgram('nginx');
  if (installed !== undefined) return installed;
  if (!canInstallPackages()) return null;
  await installPackage('nginx-light').catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  return findProgram('nginx') ?? null;
}

/** The recipe of the documentation, with addresses for the names, since Debian's nginx looks none up again. */
function recipe(port: number, gateways: readonly string[]): string {
  const page = readFileSync(join(repository, 'docs/behind-a-proxy.md'), 'utf8');
  const [, written = ''] = /```nginx\n([^]*?)```/.exec(page) ?? [];
  // A gateway that has refused a connection is tried again after a second.
  const servers = gateways.map((url) => `server ${new URL(url).host} fail_timeout=1s;`).join(' ');
  const changed = written
    .replace(/^ *resolver .*$/m, '')
    .replace(/server gateway:8080 resolve;/, servers)
    .replace(/listen 80;/, `listen 127.0.0.1:${port};`);
  expect(changed).toContain(servers);
  expect(changed).toContain(`listen 127.0.0.1:${port};`);
  return changed;
}

async function startNginx(program: string, port: number, gateways: readonly string[]): Promise<RunningProcess> {
  const folder = tempFolder('tollgate-nginx');
  const file = join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    file,
    [
      'daemon off;',
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'worker_processes 2;',
      `pid ${join(folder, 'pid')};`,
      'error_log stderr warn;',
      'events {}',
      `http { access_log off; ${paths.join(' ')}`,
      recipe(port, gateways),
      '}',
    ].join('\n'),
  );
  const nginx = await startProcess({
    name: 'nginx',
    command: program,
    args: ['-p', folder, '-c', file],
    stopSignal: 'SIGQUIT',
  });
  await untilReady(nginx, async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    what: 'nginx to be ready',
  });
  return nginx;
}

/** Sixteen callers, from now until `meanwhile` has happened, which may wait for so many further replies. */
async function under(
  load: () => Promise<Reply>,
  meanwhile: (further: (count: number) => Promise<unknown>) => Promise<unknown>,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  let over = false;
  const further = (count: number): Promise<unknown> => {
    const enough = replies.length + count;
    return waitUntil(() => replies.length >= enough, { what: `${count} further replies`, timeoutMs: 60_000 });
  };
  const callers = Array.from({ length: 16 }, async () => {
    while (!over) replies.push(await load());
  });
  await meanwhile(further).finally(() => (over = true));
  await Promise.all(callers);
  return replies;
}

describe('behind nginx as docs/behind-a-proxy.md has it', () => {
  it('streams come at once, a gateway that stops refuses no call, and the client is the client', async () => {
    const program = await nginxProgram();
    if (program === null)
      return void process.stderr.write('there is no nginx, and none can be installed: its recipe was not tried\n');
    const outside = await startOutside();
    const config = join(tempFolder('tollgate-behind-nginx'), 'config.yaml');
    writeFileSync(
      config,
      `${readFileSync(outside.environment['TOLLGATE_CONFIG']!, 'utf8')}\ntrusted_proxies: [{addresses: [127.0.0.1], header: x-forwarded-for}]\n`,
    );
    const shape: DistributedShape = await startDistributed({
      outside,
      environmentOf: (_, environment) => ({
        ...environment,
        TOLLGATE_CONFIG: config,
        TOLLGATE_STOP_WINDOW_SECONDS: String(WINDOW_SECONDS),
      }),
    });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const nginx = await startNginx(
      program,
      port,
      shape.gateways.map((gateway) => gateway.url),
    );
    const key = await shape.client().createKey();
    const limited = await shape.client().createKey({ allowed_ips: [CLIENT_ADDRESS] });
    const simulator = { chunks: 50, chunk_interval_ms: 100 };

    const stream = await call(url, key.secret, { stream: true, simulator });
    expect(stream.text).toContain('data: [DONE]');
    expect(stream.endMs - stream.firstDataMs).toBeGreaterThan(1_000);

    // Whatever a client says of itself, nginx appends its address.
    expect((await call(url, limited.secret, {}, { 'x-forwarded-for': '203.0.113.9' })).status).toBe(200);
    const spoofing = await call(
      url,
      limited.secret,
      {},
      { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' },
    );
    expect(spoofing.status).toBe(200);
    const elsewhere = await shape.client().createKey({ allowed_ips: ['203.0.113.9', '127.0.0.1'] });
    expect((await call(url, elsewhere.secret, {}, { 'x-forwarded-for': '203.0.113.9' })).status).toBe(403);

    for (const { process: gateway } of shape.gateways) {
      const replies = await under(
        () => call(url, key.secret, { stream: Math.random() < 0.3 }),
        async (further) => {
          await further(50);
          expect(await gateway.askToStop()).toEqual({ code: 0, signal: null });
          await further(50);
          await gateway.startAgain();
          // nginx tries it again after a second.
          await pause(1_500);
          await further(100);
        },
      );
      expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    }

    const reloaded = await under(
      () => call(url, key.secret, {}),
      async (further) => {
        await further(20);
        nginx.kill('SIGHUP');
        await pause(1_000);
        await further(50);
      },
    );
    expect(reloaded.filter(({ status }) => status !== 200)).toEqual([]);
    await nginx.stop();
    await shape.stop();
    await outside.stop();
  }, 600_000);
});
