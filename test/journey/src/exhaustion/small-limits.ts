import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import {
  completion,
  plain,
  reported,
  startScriptedProvider,
  type ScriptedProvider,
} from '../kit/scripted-provider/index.js';
import { startDistributed } from '../kit/distributed.js';
import { startOutside } from '../kit/outside.js';
import type { Shape } from '../kit/shape.js';
import { startStandalone } from '../kit/standalone.js';

export const connectionsMax = 6;
export const callsPerKeyMax = 3;
/** One key may fill half of it, large bodies of all keys three quarters. */
const bodiesBytesMax = 64 * 1_048_576;

/**
 * A Tollgate with one gateway whose limits are small enough to be reached. Models: `well` always answers; `hanging` and
 * `full` are each of a provider that never does, and `full-or-well` tries that one first.
 */
export interface SmallLimits {
  readonly shape: Shape;
  readonly provider: ScriptedProvider;
  stop(): Promise<void>;
}

export async function startSmallLimits(name: Shape['name']): Promise<SmallLimits> {
  const provider = await startScriptedProvider();
  provider.play('well', [plain(completion('I am well', reported))]);
  const outside = await startOutside();
  const file = join(tempFolder('tollgate-exhaustion'), 'config.yaml');
  writeFileSync(file, JSON.stringify(configuration(provider, outside.github.publicKeysUrl)));
  const environment = { TOLLGATE_CONFIG: file };
  const shape =
    name === 'standalone'
      ? await startStandalone({ outside, underLoad: true, environment })
      : await startDistributed({
          outside,
          gateways: 1,
          environmentOf: (process, variables) =>
            process.startsWith('gateway') ? { ...variables, ...environment } : variables,
        });
  return {
    shape,
    provider,
    stop: async () => {
      await shape.stop();
      await Promise.all([outside.stop(), provider.stop()]);
    },
  };
}

/** JSON is YAML. */
function configuration(provider: ScriptedProvider, publicKeysUrl: string): object {
  const entries = ['hanging', 'full', 'well'];
  const target = (name: string, weight = 1) => ({ provider: name, model: name, weight });
  return {
    providers: entries.map((name) => ({
      name,
      base_url: provider.baseUrl(name),
      allow_private_network: true,
      timeout_ms: 30_000,
      ...(name !== 'well' && { connections_max: connectionsMax }),
    })),
    routes: [
      ...entries.map((name) => ({ name, targets: [target(name)] })),
      { name: 'full-or-well', targets: [target('full', 1_000), target('well')] },
    ],
    prices: entries.map((name) => ({
      provider: name,
      model: name,
      input_usd_per_million: 1,
      output_usd_per_million: 10,
    })),
    secret_scanning: { github: { public_keys_url: publicKeysUrl } },
    limits: { calls_per_key_max: callsPerKeyMax, bodies_bytes_max: bodiesBytesMax },
  };
}
