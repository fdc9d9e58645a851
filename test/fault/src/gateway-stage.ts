import { readFileSync, writeFileSync } from 'node:fs';
import { startDistributed, type DistributedShape } from '@tollgate/journey';
import { CuttableProxy } from './cuttable-proxy.js';
import { startAllAgain } from './stage.js';

/** Three gateways, the first of which is killed; the others stay. */
export interface GatewayStage {
  readonly shape: DistributedShape;
  readonly redisOfGateway0: CuttableProxy;
  /** So that one fault that fails does not fail the next. */
  repair(): Promise<void>;
  stop(): Promise<void>;
}

/** Longer than a gateway of a busy machine takes to start again, and shorter than a test's patience. */
const goneAfterMs = 15_000;

/** Routes whose first target fails: alone, with another target behind it, and what is answered where there is none. */
export const failingRoutes = {
  'fails with 500': { alone: 'fails-500', backed: 'fails-500-backed', status: 502 },
  'resets the connection': { alone: 'resets', backed: 'resets-backed', status: 502 },
  hangs: { alone: 'hangs', backed: 'hangs-backed', status: 504 },
} as const;

export async function startGatewayStage(): Promise<GatewayStage> {
  const redisOfGateway0 = await CuttableProxy.start();
  let configFile: string | undefined;
  const shape = await startDistributed({
    gateways: 3,
    gatewayGoneAfterMs: goneAfterMs,
    environmentOf: (process, environment) => {
      if (!process.startsWith('gateway')) return environment;
      configFile ??= withFailingRoutes(environment['TOLLGATE_CONFIG']!);
      return {
        ...environment,
        TOLLGATE_CONFIG: configFile,
        ...(process === 'gateway 0' ? { REDIS_URL: redisOfGateway0.towards(environment['REDIS_URL']!) } : {}),
      };
    },
  });
  return {
    shape,
    redisOfGateway0,
    repair: async () => {
      redisOfGateway0.set('open');
      shape.simulator.reset();
      await startAllAgain(shape);
    },
    stop: async () => {
      await shape.stop();
      await redisOfGateway0.stop();
    },
  };
}

/**
 * A copy of the configuration with the routes above, whose failures are in the model's name; half a second is waited
 * for `hanging`.
 */
function withFailingRoutes(configFile: string): string {
  const configuration = readFileSync(configFile, 'utf8');
  const simulatorUrl = /base_url: (\S+)/.exec(configuration)![1]!;
  const failures = {
    'fails-500': 'gpt-4o-mini?fail_status=500',
    resets: 'gpt-4o-mini?fail=reset_before_first_byte',
    hangs: 'gpt-4o-mini?fail=hang',
  };
  const target = (model: string, weight = 1, provider = 'failing') =>
    `{provider: ${provider}, model: "${model}", weight: ${weight}}`;
  const routes = Object.entries(failures).flatMap(([name, model]) => {
    const failing = name === 'hangs' ? 'hanging' : 'failing';
    return [
      `  - {name: ${name}, targets: [${target(model, 1, failing)}]}`,
      `  - {name: ${name}-backed, targets: [${target(model, 1_000, failing)}, ${target('gpt-4o-mini')}]}`,
    ];
  });
  routes.push(`  - {name: two-targets, targets: [${target('gpt-4o-mini')}, ${target('gpt-4o-mini', 1, 'simulator')}]}`);
  const entries = { failing: 60_000, hanging: 500 };
  const prices = Object.keys(entries).map(
    (name) => `  - {provider: ${name}, model: gpt-4o-mini*, input_usd_per_million: 0.15, output_usd_per_million: 0.60}`,
  );
  const providers = Object.entries(entries).map(
    ([name, ms]) =>
      `  - {name: ${name}, dialect: openai, base_url: "${simulatorUrl}", credential: "\${env:SIMULATOR_CREDENTIAL}", allow_private_network: true, timeout_ms: ${ms}, first_byte_timeout_ms: ${ms}}`,
  );
  const file = configFile.replace(/\.yaml$/, '-with-failing-routes.yaml');
  writeFileSync(
    file,
    configuration
      .replace('providers:\n', `providers:\n${providers.join('\n')}\n`)
      .replace('routes:\n', `routes:\n${routes.join('\n')}\n`)
      .replace('prices:\n', `prices:\n${prices.join('\n')}\n`),
  );
  return file;
}
