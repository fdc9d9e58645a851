import { afterAll, beforeAll, describe } from 'vitest';
import { diskFull } from './faults/disk-full.js';
import { exportsBroken } from './faults/exports-broken.js';
import { groupChanges } from './faults/group-changes.js';
import { kafkaDown } from './faults/kafka-down.js';
import { keyChangesCut } from './faults/key-changes-cut.js';
import { keyManagementKilled } from './faults/key-management-killed.js';
import { offsetsLost } from './faults/offsets-lost.js';
import { postgresDown } from './faults/postgres-down.js';
import { redisEmptied } from './faults/redis-emptied.js';
import { redisFull } from './faults/redis-full.js';
import { termsUntold } from './faults/terms-untold.js';
import { twoUsageBillings } from './faults/two-usage-billings.js';
import { usageBillingKilled } from './faults/usage-billing-killed.js';
import { startServerStage, type ServerStage } from './server-stage.js';
import { reportFaults } from './stage.js';

describe('faults of servers, disks and the services behind the gateways', () => {
  let stage: ServerStage;
  beforeAll(async () => {
    stage = await startServerStage();
  });
  afterAll(() => stage?.stop());
  reportFaults(() => stage);

  diskFull(() => stage);
  keyChangesCut(() => stage);
  keyManagementKilled(() => stage);
  groupChanges(() => stage);
  termsUntold(() => stage);
  offsetsLost(() => stage);
  usageBillingKilled(() => stage.shape);
  twoUsageBillings(() => stage);
  postgresDown(() => stage);
  exportsBroken(() => stage);
  redisEmptied(() => stage.shape);
  redisFull(() => stage.shape);
  kafkaDown(() => stage);
});
