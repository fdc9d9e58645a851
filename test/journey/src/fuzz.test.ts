import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiDocument } from './fuzz/documented.js';
import { fuzz } from './fuzz/fuzz.js';
import { startStandalone, type StandaloneShape } from './kit/standalone.js';

/** A failure prints its seed: FUZZ_SEED begins from that one again. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
/** Requests of each route: npm names its script to what it runs, and `npm run fuzz` is asked for to take longer. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? (process.env['npm_lifecycle_event'] === 'fuzz' ? 300 : 12));

/** All services answer behind the front door of the standalone, so one document and one origin have them all. */
describe('the public API, asked for what its document has and for what it has not', () => {
  let shape: StandaloneShape;
  let url: string;
  beforeAll(async () => {
    shape = await startStandalone();
    url = shape.gateways[0]?.url ?? '';
  });
  afterAll(() => shape?.stop());

  it(
    'answers as documented, and never that it has failed',
    async () => {
      console.log(`seed ${SEED}`);
      const document = (await (await fetch(`${url}/openapi.json`)).json()) as ApiDocument;
      const { findings, statuses } = await fuzz({
        url,
        document,
        adminSecret: shape.adminSecret,
        seed: SEED,
        requests: REQUESTS,
      });
      console.log(JSON.stringify(statuses));
      expect(findings, `seed ${SEED}`).toEqual([]);
      // Both kinds of requests were made: such as have an effect, and such as are refused.
      expect(statuses['200'] ?? 0).toBeGreaterThan(0);
      expect(statuses['201'] ?? 0).toBeGreaterThan(0);
      expect(statuses['400'] ?? 0).toBeGreaterThan(0);
    },
    120_000 + REQUESTS * 15_000,
  );

  it('refuses a body of 100 MB before it is read', async () => {
    const { hostname, port } = new URL(url);
    for (const path of ['/v1/api-keys', '/v1/organizations', '/v1/projects']) {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${shape.adminSecret}\r\n` +
          'content-type: application/json\r\ncontent-length: 100000000\r\n\r\n{"name":',
      );
      let head = '';
      while (!head.includes('\r\n\r\n')) head += String((await once(socket, 'data'))[0]);
      socket.destroy();
      expect(head).toMatch(/^HTTP\/1\.1 413 /);
      expect(head).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i);
      expect(head).toMatch(/\r\nx-request-id: /i);
    }
  });
});
