import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, givenPorts, reservePort, saysAddressInUse } from './ports.js';

describe('freePort', () => {
  it('gives ports that can be listened on, below the ephemeral ranges', async () => {
    const port = await freePort();
    expect(port).toBeLessThan(32_768);
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  });

  it('gives no port twice', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, freePort));
    expect(new Set(ports).size).toBe(50);
  });

  it('gives no port that another process was given, as long as that process is there', async () => {
    const port = await freePort();
    const givenTo = (pid: number) => writeFileSync(join(givenPorts, String(port)), String(pid));
    givenTo(process.ppid);
    expect([reservePort(port), reservePort(port)]).toEqual([false, false]);
    givenTo(spawnSync(process.execPath, ['--version']).pid);
    expect([reservePort(port), reservePort(port), reservePort(port)]).toEqual([false, true, false]);
  });
});

describe('saysAddressInUse', () => {
  it.each([
    'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
    'Warning: Could not create server TCP listening socket 127.0.0.1:6379: bind: Address already in use',
    'org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:19092: Address already in use.',
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080',
    'Bind for 127.0.0.1:6379 failed: port is already allocated',
  ])('knows the words: %s', (output) => {
    expect(saysAddressInUse(output)).toBe(true);
  });

  it('is not misled by another failure', () => {
    expect(saysAddressInUse('FATAL: data directory has wrong ownership')).toBe(false);
  });
});
