import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { startOutside, type Outside } from '@tollgate/journey';

/** The models of the tests, with who runs them and what a million tokens cost, in USD. */
export const MODELS = {
  'gpt-4o-mini': { provider: 'openai', input: '0.15', output: '0.60' },
  'claude-sonnet-4-5': { provider: 'anthropic', input: '3', output: '15' },
  'gemini-3-pro': { provider: 'compatible', input: '2', output: '12' },
  'text-embedding-3-small': { provider: 'openai', input: '0.02', output: '0' },
} as const;

type Prices = (typeof MODELS)[keyof typeof MODELS];

/** Routes to models that fail in one way: the simulator reads the way from the name of the model. */
const TROUBLES: readonly (readonly [route: string, prices: Prices, model: string])[] = (
  ['gpt-4o-mini', 'claude-sonnet-4-5'] as const
).flatMap((model) => [
  [`full-${model}`, MODELS[model], `${model}?fail=context_length`] as const,
  [`broken-${model}`, MODELS[model], `${model}?fail=error_mid_stream`] as const,
]);

/**
 * What Tollgate meets outside of itself: the simulator, as a provider of each kind. Routes: `gpt-4o-mini` at the
 * provider `openai`, `claude-sonnet-4-5` at `anthropic`, `gemini-3-pro`, whose calls are signed, at `compatible`, and
 * `vectors` (text-embedding-3-small) at `openai`; and of each of the first two one that refuses all requests as too
 * long, `full-…`, and one that fails in mid-stream, `broken-…`.
 */
export async function startProviders(): Promise<Outside> {
  const outside = await startOutside();
  const file = join(tempFolder('tollgate-clients'), 'config.yaml');
  writeFileSync(file, configuration(outside));
  return { ...outside, environment: { ...outside.environment, TOLLGATE_CONFIG: file } };
}

function configuration({ simulator, github }: Outside): string {
  const provider = (name: string, baseUrl: string) =>
    `  - {name: ${name}, type: ${name}, base_url: ${baseUrl}, credential: "\${env:SIMULATOR_CREDENTIAL}", allow_private_network: true}`;
  const price = ([model, { provider: name, input, output }]: [string, Prices]) =>
    `  - {provider: ${name}, model: ${model}, input_usd_per_million: ${input}, output_usd_per_million: ${output}, tool_calls_usd_per_thousand: {web_search: 10}}`;
  return `providers:
${provider('openai', simulator.baseUrl)}
${provider('anthropic', simulator.baseUrl)}
${provider('compatible', simulator.baseUrl)}
routes:
  - {name: gpt-4o-mini, targets: [{provider: openai, model: gpt-4o-mini}], access: everyone}
  - {name: claude-sonnet-4-5, targets: [{provider: anthropic, model: claude-sonnet-4-5}], access: everyone}
  - {name: gemini-3-pro, targets: [{provider: compatible, model: gemini-3-pro}], access: everyone}
${TROUBLES.map(([name, { provider: at }, model]) => `  - {name: ${name}, targets: [{provider: ${at}, model: "${model}"}], access: everyone}`).join('\n')}
  - {name: vectors, targets: [{provider: openai, model: text-embedding-3-small}], access: everyone}
prices:
${Object.entries(MODELS).map(price).join('\n')}
${TROUBLES.map(([, prices, model]) => price([`"${model}"`, prices])).join('\n')}
secret_scanning:
  github: {public_keys_url: "${github.publicKeysUrl}"}
mail: {from: tollgate@example.com}
`;
}
