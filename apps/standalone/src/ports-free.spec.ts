import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { portsFree } from './ports-free.js';

const other = createServer();
let taken: number;
beforeEach(async () => {
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  taken = (other.address() as AddressInfo).port;
});
afterEach(() => other.close());

describe('ports to listen on', () => {
  it('are free, or the variable that names a taken one is said', async () => {
    await portsFree('127.0.0.1', { TOLLGATE_PORT: 0 });
    await expect(portsFree('127.0.0.1', { TOLLGATE_PORT: 0, TOLLGATE_OPERATIONS_PORT: taken })).rejects
      .toThrow(`TOLLGATE_OPERATIONS_PORT: port ${taken} of 127.0.0.1 is taken; name another one`);
  });

  it('are those of this machine', async () => {
    // 192.0.2.0/24 is nobody's (RFC 5737).
    await expect(portsFree('192.0.2.1', { TOLLGATE_PORT: 0 })).rejects.toThrow('TOLLGATE_HOST: 192.0.2.1 is no address of this machine (EADDRNOTAVAIL)');
  });
});
