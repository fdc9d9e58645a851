import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import {
  completion,
  plain,
  reported,
  startScriptedProvider,
  type Play,
  type ScriptedProvider,
} from '../kit/scripted-provider/index.js';
import { startOutside, type Outside } from '../kit/outside.js';
import { startStandalone, type StandaloneShape } from '../kit/standalone.js';
import type { Quirk } from './quirk.js';

/** Nano-USD a token: 1 USD a million of input, 0.10 cached, 10 output. */
export const tokenPrices = { input: 1_000, cached: 100, output: 10_000 } as const;
export const outputTokensMax = 1_000;
/** A model that always answers, for a call that shows whether a key can still be used. */
export const healthyModel = 'healthy';

/** One standalone whose configuration has an entry and a route for each row, and the provider behind all of them. */
export class QuirkStage {
  private constructor(
    private readonly outside: Outside,
    private readonly provider: ScriptedProvider,
    readonly shape: StandaloneShape,
    private readonly models: ReadonlyMap<Quirk, string>,
  ) {}

  static async start(quirks: readonly Quirk[]): Promise<QuirkStage> {
    const [outside, provider] = await Promise.all([startOutside(), startScriptedProvider()]);
    const models = new Map(quirks.map((quirk, index) => [quirk, `quirk-${index}`]));
    const configFile = join(tempFolder('tollgate-quirks'), 'config.yaml');
    writeFileSync(configFile, JSON.stringify(configuration(models, provider)));
    provider.play(healthyModel, [plain(completion('I am well', reported))]);
    const shape = await startStandalone({ outside, underLoad: true, environment: { TOLLGATE_CONFIG: configFile } });
    return new QuirkStage(outside, provider, shape, models);
  }

  /** The model that leads to the row's script, which is now what the provider plays. */
  set(quirk: Quirk): { readonly model: string; readonly play: Play } {
    const model = this.models.get(quirk)!;
    return { model, play: this.provider.play(model, quirk.plays) };
  }

  async stop(): Promise<void> {
    await this.shape?.stop();
    await Promise.all([this.outside.stop(), this.provider.stop()]);
  }
}

/** JSON is YAML. */
function configuration(models: ReadonlyMap<Quirk, string>, provider: ScriptedProvider): object {
  const entries = [...models].flatMap(([{ targets = 1, settings }, model]) =>
    Array.from({ length: targets }, (_, index) => ({ model, name: `${model}-${index}`, settings })),
  );
  const healthy = { model: healthyModel, name: healthyModel, settings: undefined };
  const all = [...entries, healthy];
  return {
    providers: all.map(({ name, settings }) => {
      const base = provider.baseUrl(name);
      const baseUrl = String(settings?.['base_url'] ?? base).replace('{base}', base);
      return {
        name,
        allow_private_network: true,
        timeout_ms: 60_000,
        first_byte_timeout_ms: 30_000,
        ...settings,
        base_url: baseUrl,
      };
    }),
    routes: [...new Set(all.map(({ model }) => model))].map((model) => ({
      name: model,
      targets: all.filter((entry) => entry.model === model).map(({ name }) => ({ provider: name, model })),
    })),
    prices: all.map(({ name, model }) => ({
      provider: name,
      model,
      input_usd_per_million: '1',
      cached_input_usd_per_million: '0.10',
      output_usd_per_million: '10',
      max_output_tokens: outputTokensMax,
    })),
  };
}
