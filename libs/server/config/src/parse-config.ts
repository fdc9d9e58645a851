import { createHash } from 'node:crypto';
import { Secret } from '@tollgate/api-key';
import { pathText, validate, type FieldFault } from '@tollgate/errors';
import { sourceOfHost } from '@tollgate/known-prices';
import { ConfigError } from './config-error.js';
import type { Limits, PlanEntry, Provider, ProviderHeader, ProviderType, TollgateConfig } from './config.js';
import { crossFaults } from './cross-checks.js';
import { nanoUsd } from './nano-usd.js';
import { toModelPrice, toPriceEntry } from './price-entry.js';
import { priceVersion } from './price-version.js';
import { configFileSchema, NO_SOURCE, SOURCE_PATTERN, type ConfigFile } from './schema.js';
import { secretFile, type SecretFile } from './secret-file.js';
import { readYaml, type YamlDocument } from './yaml-document.js';

/** The value of an environment variable; undefined where it is not set. */
export type EnvironmentLookup = (name: string) => string | undefined;

/**
 * The text of a `config.yaml` as a configuration; `path` is for messages. Variables and files that credentials name are
 * read; one that is not there, or empty, leaves its provider without a credential.
 * @throws {ConfigError} with every problem of the file, each with its line; never with a credential
 */
export function parseConfig(
  text: string,
  {
    path,
    lookup,
    readSecret = secretFile,
  }: { readonly path: string; readonly lookup: EnvironmentLookup; readonly readSecret?: SecretFile },
): TollgateConfig {
  const sources = { lookup, readSecret };
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
    ...sourceFaults(value, sources),
  ];
  if (shape.kind === 'invalid' || faults.length > 0) throw new ConfigError(path, located(faults, document));
  return {
    ...toConfig(shape.value, sources),
    fileDigest: createHash('sha256').update(text).digest('hex').slice(0, 12),
  };
}

function located(faults: readonly FieldFault[], document: YamlDocument) {
  return faults
    .map(({ path, message }) => ({ ...document.locate(path), field: pathText(path), message }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** A line end that slipped into a variable would end the header that the credential is sent in. */
const HEADER_VALUE = /^[\x21-\x7e]+$/;

/** Where the secret values of a file come from. */
interface Sources {
  readonly lookup: EnvironmentLookup;
  readonly readSecret: SecretFile;
}

/**
 * A value of the file that names its source, and what the source holds; undefined where that is nothing, or nothing
 * that can be used, which `fault` says.
 */
interface Sourced {
  readonly value: string | undefined;
  readonly fault?: string;
  readonly variable?: string;
  readonly file?: string;
}

function sourced(text: string, { lookup, readSecret }: Sources): Sourced | null {
  const [, variable, file] = SOURCE_PATTERN.exec(text) ?? [];
  if (variable !== undefined) return { value: lookup(variable) || undefined, variable };
  if (file === undefined) return null;
  const held = readSecret(file);
  if (!('fault' in held)) return { value: held.secret, file };
  return { value: undefined, file, ...(!held.isAbsent && { fault: `the file ${file} is ${held.fault}` }) };
}

function sourceFaults(value: unknown, sources: Sources): FieldFault[] {
  const providers = (value as { providers?: unknown }).providers;
  if (!Array.isArray(providers)) return [];
  return providers.flatMap((provider: { credential?: unknown; headers?: unknown } | null, index) => {
    const headers = typeof provider?.headers === 'object' ? Object.entries(provider.headers ?? {}) : [];
    const named = [
      [['credential'], provider?.credential] as const,
      ...headers.map(([name, header]) => [['headers', name], header] as const),
    ];
    return named.flatMap(([path, text]) => {
      const source = typeof text === 'string' ? sourced(text, sources) : null;
      const message = source === null ? undefined : sourceFault(source);
      return message === undefined ? [] : [{ path: ['providers', index, ...path], message }];
    });
  });
}

function sourceFault({ value, fault, variable, file }: Sourced): string | undefined {
  if (value === undefined || HEADER_VALUE.test(value)) return fault;
  const where = variable === undefined ? `the file ${file}` : `the variable ${variable}`;
  return `${where} holds spaces, line ends or characters besides ASCII`;
}

function toHeader(name: string, text: string, sources: Sources): ProviderHeader {
  const source = sourced(text, sources);
  if (source === null) return { name: name.toLowerCase(), value: new Secret(text) };
  const { value, fault: _fault, ...from } = source;
  return { name: name.toLowerCase(), value: value === undefined ? null : new Secret(value), ...from };
}

function toConfig(file: ConfigFile, sources: Sources): Omit<TollgateConfig, 'fileDigest'> {
  const providers = file.providers.map((provider) => toProvider(provider, sources));
  const prices = file.prices.map(toPriceEntry);
  const defaultPrice = file.default_price === undefined ? null : toModelPrice(file.default_price);
  return {
    providers,
    routes: file.routes,
    prices,
    plans: file.plans.map(toPlan),
    defaultPrice,
    priceVersion: priceVersion({ prices, defaultPrice, providers }),
    webhooks: { allowPrivateNetwork: file.webhooks.allow_private_network },
    secretScanning: { github: { publicKeysUrl: file.secret_scanning.github.public_keys_url } },
    mail: { from: file.mail.from },
    oauth: { allowWithoutChallenge: file.oauth.allow_without_challenge },
    limits: toLimits(file.limits),
    trustedProxies: file.trusted_proxies,
  };
}

function toPlan(plan: ConfigFile['plans'][number]): PlanEntry {
  const { rate_limits: limits = {}, markup_percent: percent } = plan;
  return {
    name: plan.name,
    quotaNanoUsd: nanoUsd(plan.quota_usd),
    priceNanoUsd: nanoUsd(plan.price_usd),
    models: plan.models ?? null,
    rateLimits: {
      requestsPerMinute: limits.requests_per_minute ?? null,
      tokensPerMinute: limits.tokens_per_minute ?? null,
      parallelRequests: limits.parallel_requests ?? null,
    },
    selfService: plan.self_service,
    paygAllowed: plan.payg_allowed,
    markupMillionths: percent === undefined ? null : Math.round(percent * 10_000),
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

function toProvider(provider: ConfigFile['providers'][number], sources: Sources): Provider {
  const credential = sourced(provider.credential ?? '', sources);
  const headers = Object.entries(provider.headers ?? {});
  return {
    name: provider.name,
    type: typeOf(provider),
    baseUrl: provider.base_url.replace(/\/+$/, ''),
    source: provider.source === NO_SOURCE ? null : (provider.source ?? sourceOfHost(provider.base_url)),
    apiVersion: provider.api_version ?? null,
    credential: credential?.value === undefined ? null : new Secret(credential.value),
    credentialVariable: credential?.variable ?? null,
    ...(credential?.file !== undefined && { credentialFile: credential.file }),
    ...(provider.optional && { isOptional: true }),
    ...(headers.length > 0 && { headers: headers.map(([name, text]) => toHeader(name, text, sources)) }),
    ...(provider.paths !== undefined && { paths: provider.paths }),
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
    ...(provider.passes_to_openai !== undefined && { passesToOpenAi: provider.passes_to_openai }),
  };
}

/** Files from before there were types name a dialect at most: their providers keep the way they were spoken to. */
function typeOf({ type, dialect, base_url }: ConfigFile['providers'][number]): ProviderType {
  if (type !== undefined) return type;
  if (dialect === 'anthropic') return 'anthropic';
  return new URL(base_url).hostname === OPENAI_HOST ? 'openai' : 'compatible';
}

const OPENAI_HOST = 'api.openai.com';
