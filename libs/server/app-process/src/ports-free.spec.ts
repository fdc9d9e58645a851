import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenersFree } from './ports-free.js';
import { holderOfPort, listeningSockets } from './port-holder.js';

const other = createServer();
let taken: number;
beforeEach(async () => {
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  taken = (other.address() as AddressInfo).port;
});
afterEach(() => other.close());

const free = {
  TOLLGATE_HOST: '127.0.0.1',
  TOLLGATE_PORT: 0,
  TOLLGATE_OPERATIONS_HOST: '127.0.0.1',
  TOLLGATE_OPERATIONS_PORT: 0,
};
// Only on Linux can the process that has a port be found.
const by = process.platform === 'linux' ? ` by the process ${process.pid}` : '';

describe('ports to listen on', () => {
  it('are free, or the variable that names a taken one is said, and the process that has it', async () => {
    await listenersFree(free);
    await expect(listenersFree({ ...free, TOLLGATE_OPERATIONS_PORT: taken })).rejects.toThrow(
      `TOLLGATE_OPERATIONS_PORT: port ${taken} of 127.0.0.1 is taken${by}; name another one`,
    );
    await expect(listenersFree({ ...free, TOLLGATE_PORT: taken })).rejects.toThrow(
      `TOLLGATE_PORT: port ${taken} of 127.0.0.1 is taken${by};`,
    );
  });

  it('are those of this machine', async () => {
    // 192.0.2.0/24 is reserved for documentation (RFC 5737).
    await expect(listenersFree({ ...free, TOLLGATE_HOST: '192.0.2.1' })).rejects.toThrow(
      'TOLLGATE_HOST: 192.0.2.1 is no address of this machine (EADDRNOTAVAIL)',
    );
    await expect(listenersFree({ ...free, TOLLGATE_OPERATIONS_HOST: '192.0.2.1' })).rejects.toThrow(
      'TOLLGATE_OPERATIONS_HOST: 192.0.2.1 is no address',
    );
  });
});

describe('the holder of a port', () => {
  it('is nobody where nobody listens', async () => {
    other.close();
    // A process that another thread is just starting holds the port until it has closed what it inherited.
    await expect.poll(() => holderOfPort(taken)).toBeNull();
  });

  it('is found in the tables of Linux by the port, among sockets that listen only', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4713 1
   3: 0100007F:01F9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
`;
    expect(listeningSockets(table, 8080)).toEqual(['socket:[4711]', 'socket:[4713]']);
    expect(listeningSockets(table, 505)).toEqual(['socket:[4714]']);
    expect(listeningSockets('', 8080)).toEqual([]);
  });
});
