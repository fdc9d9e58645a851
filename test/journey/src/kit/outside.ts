import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGithubSimulator, type GithubSimulator } from '@tollgate/github-simulator';
import { freePort, tempFolder } from '@tollgate/infra';
import { startProviderSimulator, type ProviderSimulator } from '@tollgate/provider-simulator';
import { prices } from './prices.js';

/**
 * All that Tollgate meets outside of itself, run by the test: a provider, GitHub, and the configuration that names
 * them.
 */
export interface Outside {
  readonly simulator: ProviderSimulator;
  readonly github: GithubSimulator;
  /** One whose signatures nobody has reason to believe. */
  readonly strangeGithub: GithubSimulator;
  /** What the simulator asks for, and callers must never see. */
  readonly providerCredential: string;
  /** TOLLGATE_CONFIG, and the credential it refers to. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * Routes of the configuration: `support-bot` and `lab-*` (gpt-4o-mini), `fine-grained` (gpt-4.1-nano), `in-a-hurry`,
 * whose provider has 1.5 s for a call, `nobody-home`, whose provider listens nowhere, and `any-*`, whose model is the
 * one that was named, `any-closed` and `any-shut` among them for groups only; `responder` (gpt-4o-mini) and
 * `responder-nano` (gpt-4.1-nano) at a provider of type openai, and `gpt-5-*`, whose model is the one that was named,
 * at the same; `claude-*`, the same at a provider of type anthropic; `vectors` (text-embedding-3-small); and, at a
 * provider of type azure, `azure-bot` and `azure-vectors`, the same with `azure-v1-` at its newer API, and
 * `deployed-*`, whose deployment is the one that was named.
 */
export async function startOutside(): Promise<Outside> {
  const providerCredential = `provider-${randomBytes(24).toString('hex')}`;
  // Journeys send their reports themselves.
  const noWebhook = { webhookUrl: () => 'http://127.0.0.1:0' };
  const [simulator, github, strangeGithub, closedPort] = await Promise.all([
    startProviderSimulator({ requiredCredential: providerCredential }),
    startGithubSimulator(noWebhook),
    startGithubSimulator(noWebhook),
    freePort(),
  ]);
  const configFile = join(tempFolder('tollgate-config'), 'config.yaml');
  writeFileSync(configFile, configuration(simulator.url, `http://127.0.0.1:${closedPort}/v1`, github.publicKeysUrl));
  return {
    simulator,
    github,
    strangeGithub,
    providerCredential,
    environment: { TOLLGATE_CONFIG: configFile, SIMULATOR_CREDENTIAL: providerCredential },
    stop: async () => {
      await Promise.all([simulator.stop(), github.stop(), strangeGithub.stop()]);
    },
  };
}

function configuration(simulatorOrigin: string, closedUrl: string, publicKeysUrl: string): string {
  const price = (provider: string, model: keyof typeof prices) => {
    const { input, output, ...bound } = prices[model];
    const fields = [
      `provider: ${provider}, model: ${model}, input_usd_per_million: ${input}, output_usd_per_million: ${output}`,
      ...('maxOutputTokens' in bound ? [`max_output_tokens: ${bound.maxOutputTokens}`] : []),
    ];
    return `  - {${fields.join(', ')}}`;
  };
  const simulatorUrl = `${simulatorOrigin}/v1`;
  return `providers:
  - name: simulator
    dialect: openai
    base_url: ${simulatorUrl}
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: openai
    type: openai
    base_url: ${simulatorUrl}
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: closed
    dialect: openai
    base_url: ${closedUrl}
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: impatient
    dialect: openai
    base_url: ${simulatorUrl}
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
    timeout_ms: 1500
    first_byte_timeout_ms: 1000
  - name: claude
    type: anthropic
    base_url: ${simulatorOrigin}
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: azure
    type: azure
    base_url: ${simulatorOrigin}
    api_version: '2024-10-21'
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: azure-v1
    type: azure
    base_url: ${simulatorOrigin}/openai/v1
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
  - name: known
    base_url: ${simulatorUrl}
    source: openai
    credential: \${env:SIMULATOR_CREDENTIAL}
    allow_private_network: true
routes:
  - name: known-model
    targets: [{provider: known, model: gpt-4.1-mini}]
  - name: model-of-tomorrow
    targets: [{provider: known, model: model-of-tomorrow}]
  - name: vectors
    targets: [{provider: simulator, model: text-embedding-3-small}]
  - name: azure-bot
    targets: [{provider: azure, model: gpt-4o-mini}]
  - name: azure-vectors
    targets: [{provider: azure, model: text-embedding-3-small}]
  - name: azure-v1-bot
    targets: [{provider: azure-v1, model: gpt-4o-mini}]
  - name: azure-v1-vectors
    targets: [{provider: azure-v1, model: text-embedding-3-small}]
  - name: deployed-*
    targets: [{provider: azure, model: '*'}]
  - name: in-a-hurry
    targets: [{provider: impatient, model: gpt-4o-mini, weight: 1}]
    access: everyone
  - name: support-bot
    targets: [{provider: simulator, model: gpt-4o-mini, weight: 1}]
    access: everyone
  - name: lab-*
    targets: [{provider: simulator, model: gpt-4o-mini, weight: 1}]
    access: everyone
  - name: any-*
    targets: [{provider: simulator, model: '*', weight: 1}]
    access: everyone
  - name: gpt-5-*
    targets: [{provider: openai, model: '*'}]
  - name: claude-*
    targets: [{provider: claude, model: '*'}]
  - name: any-closed
    targets: [{provider: simulator, model: any-closed}]
    access: groups
  - name: any-shut
    targets: [{provider: simulator, model: any-shut}]
    access: groups
  - name: fine-grained
    targets: [{provider: simulator, model: gpt-4.1-nano, weight: 1}]
    access: everyone
  - name: nobody-home
    targets: [{provider: closed, model: gpt-4o-mini, weight: 1}]
    access: everyone
  - name: responder
    targets: [{provider: openai, model: gpt-4o-mini}]
  - name: responder-nano
    targets: [{provider: openai, model: gpt-4.1-nano}]
prices:
${price('simulator', 'gpt-4o-mini')}
${price('simulator', 'gpt-4.1-nano')}
${price('simulator', 'any-*')}
${price('openai', 'gpt-4o-mini')}
${price('openai', 'gpt-4.1-nano')}
${price('openai', 'gpt-5-*')}
${price('claude', 'claude-*')}
  - provider: claude
    model: claude-opus-4-8
    input_usd_per_million: 5
    output_usd_per_million: 25
    cached_input_usd_per_million: 0.50
    cache_write_usd_per_million: 6.25
    cache_write_1h_usd_per_million: 10
    context_tokens: 200000
    tool_calls_usd_per_thousand: {web_search: 10}
${price('closed', 'gpt-4o-mini')}
${price('simulator', 'text-embedding-3-small')}
${price('azure', 'gpt-4o-mini')}
${price('azure', 'text-embedding-3-small')}
${price('azure', 'deployed-*')}
${price('azure-v1', 'gpt-4o-mini')}
${price('azure-v1', 'text-embedding-3-small')}
${price('impatient', 'gpt-4o-mini')}
secret_scanning:
  github: {public_keys_url: ${publicKeysUrl}}
mail: {from: tollgate@example.com}
`;
}
