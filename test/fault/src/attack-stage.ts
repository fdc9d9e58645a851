import { readFileSync, writeFileSync } from 'node:fs';
import {
  startDistributed, startScriptedProvider, startStandalone, startOutside, type ScriptedProvider, type Shape,
} from '@tollgate/journey';

/** One shape under attack, with a provider that does what an attack says. */
export interface AttackStage {
  readonly shape: Shape;
  /** Serves the route `w-*`, under the name that the caller wrote. */
  readonly provider: ScriptedProvider;
  stop(): Promise<void>;
}

/** Price of the route `w-*`, in USD a million tokens, and the model's longest answer. */
export const scriptedPrice = { input: 1, output: 10, maxOutputTokens: 1_000 } as const;

export async function startAttackStage(name: Shape['name']): Promise<AttackStage> {
  const provider = await startScriptedProvider();
  const shape = name === 'standalone' ? await standalone(provider) : await distributed(provider);
  return {
    shape,
    provider,
    stop: async () => {
      await shape.stop();
      await provider.stop();
    },
  };
}

async function standalone(provider: ScriptedProvider): Promise<Shape> {
  const outside = await startOutside();
  const config = withScriptedRoute(outside.environment['TOLLGATE_CONFIG']!, provider);
  const shape = await startStandalone({ outside, environment: { TOLLGATE_CONFIG: config } });
  return {
    ...shape,
    stop: async () => {
      const exits = await shape.stop();
      await outside.stop();
      return exits;
    },
  };
}

/** Two gateways: what is seen at one of them must hold at the other. */
async function distributed(provider: ScriptedProvider): Promise<Shape> {
  let config: string | undefined;
  return startDistributed({
    gateways: 2,
    environmentOf: (_process, environment) => {
      const file = environment['TOLLGATE_CONFIG'];
      if (file === undefined) return environment;
      config ??= withScriptedRoute(file, provider);
      return { ...environment, TOLLGATE_CONFIG: config };
    },
  });
}

function withScriptedRoute(file: string, provider: ScriptedProvider): string {
  const { input, output, maxOutputTokens } = scriptedPrice;
  const entry = `  - {name: scripted, base_url: "${provider.baseUrl('scripted')}", allow_private_network: true, timeout_ms: 20000}`;
  const price = `  - {provider: scripted, model: "w-*", input_usd_per_million: ${input}, output_usd_per_million: ${output}, max_output_tokens: ${maxOutputTokens}}`;
  const changed = file.replace(/\.yaml$/, '-under-attack.yaml');
  writeFileSync(changed, readFileSync(file, 'utf8')
    .replace('providers:\n', `providers:\n${entry}\n`)
    .replace('routes:\n', 'routes:\n  - {name: "w-*", targets: [{provider: scripted, model: "*"}]}\n')
    .replace('prices:\n', `prices:\n${price}\n`));
  return changed;
}
