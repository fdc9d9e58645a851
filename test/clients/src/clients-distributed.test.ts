import { startDistributed, type Outside } from '@tollgate/journey';
import { afterAll } from 'vitest';
import { CLIENTS } from './clients/index.js';
import { everyClient } from './kit/every-client.js';
import { startProviders } from './kit/outside.js';

let outside: Outside | undefined;
afterAll(() => outside?.stop());

everyClient('the services', CLIENTS, async () => {
  outside = await startProviders();
  return startDistributed({ outside, gateways: 1 });
});
