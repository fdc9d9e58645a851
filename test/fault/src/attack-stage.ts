import { readFileSync, writeFileSync } from 'node:fs';
import {
  startDistributed,
  startScriptedProvider,
  startStandalone,
  startOutside,
  type ScriptedProvider,
  type Shape,
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

/** Where it is distributed, two gateways: what is seen at one of them must hold at the other. */
export async function startAttackStage(name: Shape['name']): Promise<AttackStage> {
  const [provider, fresh] = await Promise.all([startScriptedProvider(), startOutside()]);
  const config = withScriptedRoute(fresh.environment['TOLLGATE_CONFIG']!, provider);
  const outside = { ...fresh, environment: { ...fresh.environment, TOLLGATE_CONFIG: config } };
  const shape = await (name === 'standalone'
    ? startStandalone({ outside, underLoad: true })
    : startDistributed({ outside, gateways: 2 }));
  return {
    shape,
    provider,
    stop: async () => {
      await shape.stop();
      await Promise.all([fresh.stop(), provider.stop()]);
    },
  };
}

function withScriptedRoute(file: string, provider: ScriptedProvider): string {
  const { input, output, maxOutputTokens } = scriptedPrice;
  const entry = `  - {name: scripted, base_url: "${provider.baseUrl('scripted')}", allow_private_network: true, timeout_ms: 20000}`;
  const price = `  - {provider: scripted, model: "w-*", input_usd_per_million: ${input}, output_usd_per_million: ${output}, max_output_tokens: ${maxOutputTokens}}`;
  const changed = file.replace(/\.yaml$/, '-under-attack.yaml');
  writeFileSync(
    changed,
    readFileSync(file, 'utf8')
      .replace('providers:\n', `providers:\n${entry}\n`)
      .replace('routes:\n', 'routes:\n  - {name: "w-*", targets: [{provider: scripted, model: "*"}]}\n')
      .replace('prices:\n', `prices:\n${price}\n`),
  );
  return changed;
}
