import { createHash } from 'node:crypto';
import { Secret } from '@tollgate/api-key';
import { pathText, validate, type FieldFault } from '@tollgate/errors';
import { ConfigError } from './config-error.js';
import type { Limits, PriceEntry, Provider, ProviderType, TollgateConfig } from './config.js';
import { crossFaults } from './cross-checks.js';
import { morePrices } from './more-prices.js';
import { nanoUsd } from './nano-usd.js';
import { priceVersion } from './price-version.js';
import { configFileSchema, CREDENTIAL_PATTERN, type ConfigFile } from './schema.js';
import { readYaml, type YamlDocument } from './yaml-document.js';

/** The value of an environment variable; undefined where it is not set. */
export type EnvironmentLookup = (name: string) => string | undefined;

/**
 * The text of a `config.yaml` as a configuration; `path` is for messages. Variables that credentials name are
 * looked up; one that is not set, or empty, leaves its provider without a credential.
 * @throws {ConfigError} with every problem of the file, each with its line; never with a credential
 */
export function parseConfig(
  text: string,
  { path, lookup }: { readonly path: string; readonly lookup: EnvironmentLookup },
): TollgateConfig {
  const document = readYaml(text);
  if (document.faults.length > 0)
    throw new ConfigError(
      path,
      document.faults.map((fault) => ({ ...fault, field: '' })),
    );
  // An empty file has a null for everything.
  const value = document.value ?? {};
  const shape = validate(configFileSchema, value);
  const faults = [
    ...(shape.kind === 'invalid' ? shape.faults : []),
    ...crossFaults(value),
    ...credentialFaults(value, lookup),
  ];
  if (shape.kind === 'invalid' || faults.length > 0) throw new ConfigError(path, located(faults, document));
  return { ...toConfig(shape.value, lookup), fileDigest: createHash('sha256').update(text).digest('hex').slice(0, 12) };
}

function located(faults: readonly FieldFault[], document: YamlDocument) {
  return faults
    .map(({ path, message }) => ({ ...document.locate(path), field: pathText(path), message }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** A line end that slipped into a variable would end the header that the credential is sent in. */
const HEADER_VALUE = /^[\x21-\x7e]+$/;

function credentialFaults(value: unknown, lookup: EnvironmentLookup): FieldFault[] {
  const providers = (value as { providers?: unknown }).providers;
  if (!Array.isArray(providers)) return [];
  return providers.flatMap((provider: { credential?: unknown } | null, index) => {
    const variable = variableOf(typeof provider?.credential === 'string' ? provider.credential : undefined);
    const credential = variable === null ? undefined : lookup(variable);
    if (credential === undefined || credential === '' || HEADER_VALUE.test(credential)) return [];
    return [
      {
        path: ['providers', index, 'credential'],
        message: `the variable ${variable} holds spaces, line ends or characters besides ASCII`,
      },
    ];
  });
}

const variableOf = (credential: string | undefined): string | null =>
  CREDENTIAL_PATTERN.exec(credential ?? '')?.[1] ?? null;

function toConfig(file: ConfigFile, lookup: EnvironmentLookup): Omit<TollgateConfig, 'fileDigest'> {
  const prices = file.prices.map(toPrice);
  return {
    providers: file.providers.map((provider) => toProvider(provider, lookup)),
    routes: file.routes,
    prices,
    priceVersion: priceVersion(prices),
    secretScanning: { github: { publicKeysUrl: file.secret_scanning.github.public_keys_url } },
    mail: { from: file.mail.from },
    oauth: { allowWithoutChallenge: file.oauth.allow_without_challenge },
    limits: toLimits(file.limits),
    trustedProxies: file.trusted_proxies,
  };
}

const BODIES_BYTES_MAX = 256 * 1_048_576;

/** One key may fill half of what all bodies may take, and the largest body must fit into that. */
function toLimits(limits: ConfigFile['limits']): Limits {
  return {
    bodyBytesMax: limits.body_bytes_max,
    bodiesBytesMax: limits.bodies_bytes_max ?? Math.max(BODIES_BYTES_MAX, 2 * limits.body_bytes_max),
    callsPerKeyMax: limits.calls_per_key_max,
  };
}

function toProvider(provider: ConfigFile['providers'][number], lookup: EnvironmentLookup): Provider {
  const credentialVariable = variableOf(provider.credential);
  const credential = credentialVariable === null ? undefined : lookup(credentialVariable);
  return {
    name: provider.name,
    type: typeOf(provider),
    baseUrl: provider.base_url.replace(/\/+$/, ''),
    apiVersion: provider.api_version ?? null,
    credential: credential === undefined || credential === '' ? null : new Secret(credential),
    credentialVariable,
    allowPrivateNetwork: provider.allow_private_network,
    timeoutMs: provider.timeout_ms,
    firstByteTimeoutMs: provider.first_byte_timeout_ms,
    connectionsMax: provider.connections_max,
    ceilingField: provider.ceiling_field ?? null,
    streamOptions: provider.stream_options ?? null,
    endAtHold: provider.end_at_hold,
    allowFields: provider.allow_fields,
    ...(provider.allow_betas !== undefined && { allowBetas: provider.allow_betas }),
    ...(provider.endpoints !== undefined && { endpoints: provider.endpoints }),
  };
}

/** Files from before there were types name a dialect at most: their providers keep the way they were spoken to. */
function typeOf({ type, dialect, base_url }: ConfigFile['providers'][number]): ProviderType {
  if (type !== undefined) return type;
  if (dialect === 'anthropic') return 'anthropic';
  return new URL(base_url).hostname === OPENAI_HOST ? 'openai' : 'compatible';
}

const OPENAI_HOST = 'api.openai.com';

function toPrice(price: ConfigFile['prices'][number]): PriceEntry {
  return {
    provider: price.provider,
    model: price.model,
    price: {
      inputNanoUsdPerMillion: nanoUsd(price.input_usd_per_million),
      outputNanoUsdPerMillion: nanoUsd(price.output_usd_per_million),
      cachedInputNanoUsdPerMillion:
        price.cached_input_usd_per_million === undefined ? null : nanoUsd(price.cached_input_usd_per_million),
      maxOutputTokens: price.max_output_tokens,
      contextTokens: price.context_tokens,
      ...(price.tokenizer !== undefined && { tokenizer: price.tokenizer }),
      ...(price.image_tokens_max !== undefined && { imageTokensMax: price.image_tokens_max }),
      ...(price.audio_tokens_per_second !== undefined && { audioTokensPerSecond: price.audio_tokens_per_second }),
      ...morePrices(price),
    },
  };
}
