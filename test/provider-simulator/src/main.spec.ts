import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './config.js';
import { startProviderSimulator } from './server.js';

describe('as its own process, the simulator', () => {
  it('says where it listens, answers, and stops on SIGTERM while a client waits', async () => {
    const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { SIMULATOR_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    expect(line).toMatch(/^provider simulator listening on http:\/\/127\.0\.0\.1:\d+$/);
    const url = line.split(' ').at(-1) ?? '';
    expect((await fetch(`${url}/v1/models`)).status).toBe(200);
    const model = 'm?chunk_interval_ms=60000';
    const stream = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, stream: true, messages: [{}] }),
    });
    child.kill('SIGTERM');
    await expect(stream.text()).rejects.toThrow();
    expect(await exited).toEqual([0, null]);
  });
});

describe('in process, the simulator', () => {
  it('stops twice, logs what it broke off as reset, and rejects when its port is taken', async () => {
    const simulator = await startProviderSimulator();
    await expect(startProviderSimulator({ port: simulator.port })).rejects.toThrow('EADDRINUSE');
    const body = JSON.stringify({ model: 'm?fail=hang', messages: [{}] });
    const call = fetch(`${simulator.baseUrl}/chat/completions`, { method: 'POST', body });
    await expect.poll(() => simulator.log().length).toBe(1);
    await Promise.all([simulator.stop(), simulator.stop(), expect(call).rejects.toThrow()]);
    expect(simulator.log()[0]?.outcome).toBe('reset');
  });
});

describe('the settings', () => {
  it('have defaults', () => {
    expect(loadConfig({})).toEqual({ host: '127.0.0.1', port: 8090, requiredCredential: undefined });
  });

  it('that are wrong are named all at once, without their values', () => {
    expect(() => loadConfig({ SIMULATOR_HOST: '', SIMULATOR_PORT: '99999' })).toThrow(
      /^wrong settings: SIMULATOR_HOST, SIMULATOR_PORT$/,
    );
  });
});
