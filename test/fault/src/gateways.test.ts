import { afterAll, beforeAll, describe } from 'vitest';
import { clientLeaves } from './faults/client-leaves.js';
import { exactCredit } from './faults/exact-credit.js';
import { gatewayKilledBeforeFirstByte } from './faults/gateway-killed-before-first-byte.js';
import { gatewayKilledBeforeIntent } from './faults/gateway-killed-before-intent.js';
import { gatewayKilledMidStream } from './faults/gateway-killed-mid-stream.js';
import { gatewayKilledUnderLoad } from './faults/gateway-killed-under-load.js';
import { gatewayStopped } from './faults/gateway-stopped.js';
import { overspend } from './faults/overspend.js';
import { providerFailsBeforeFirstByte, providerResetsMidStream } from './faults/provider-fails.js';
import { revokeBound } from './faults/revoke.js';
import { startGatewayStage, type GatewayStage } from './gateway-stage.js';
import { reportFaults } from './stage.js';

describe('faults of gateways, callers and providers', () => {
  let stage: GatewayStage;
  beforeAll(async () => {
    stage = await startGatewayStage();
  });
  afterAll(() => stage?.stop());
  reportFaults(() => stage);

  exactCredit(() => stage.shape);
  revokeBound(() => stage.shape);
  gatewayKilledBeforeIntent(() => stage);
  gatewayKilledBeforeFirstByte(() => stage);
  gatewayKilledMidStream(() => stage);
  gatewayKilledUnderLoad(() => stage.shape);
  overspend(() => stage.shape);
  // These run at the same time: each has a gateway of its own.
  gatewayStopped(() => stage);
  clientLeaves(() => stage);
  providerFailsBeforeFirstByte(() => stage);
  providerResetsMidStream(() => stage);
});
