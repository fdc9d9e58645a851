import type { Secret } from '@tollgate/api-key';
import type { DailyHours, ModelPrice } from '@tollgate/pricing';
import type { PriceOverrides } from './like-known.js';
import { twinOf } from './secret-variables.js';

/** `config.yaml`, checked: names lead somewhere. */
export interface TollgateConfig {
  readonly providers: readonly Provider[];
  readonly routes: readonly Route[];
  /** Prices of the file; `PriceBook` has the known ones besides. */
  readonly prices: readonly PriceEntry[];
  readonly plans: readonly PlanEntry[];
  /** What a model costs that has no other price; null where its cost is then not known. */
  readonly defaultPrice: ModelPrice | null;
  /** Changes with any price, known ones included, and with nothing else; 12 hex digits. */
  readonly priceVersion: string;
  /** Of the bytes of the file, 12 hex digits: processes that log the same one have read the same file. */
  readonly fileDigest: string;
  readonly secretScanning: { readonly github: { readonly publicKeysUrl: string } };
  readonly mail: { readonly from: string };
  /** Whether webhooks of organisations may be on loopback and private addresses, and by http. */
  readonly webhooks: { readonly allowPrivateNetwork: boolean };
  /** Whether apps may ask people for keys without a challenge (PKCE). */
  readonly oauth: { readonly allowWithoutChallenge: boolean };
  readonly limits: Limits;
  /** Whose word on a client's address is believed. */
  readonly trustedProxies: readonly TrustedProxyEntry[];
}

/** An entry of `plans` in config.yaml. */
export interface PlanEntry {
  readonly name: string;
  readonly quotaNanoUsd: bigint;
  readonly priceNanoUsd: bigint;
  /** Null allows every route. */
  readonly models: readonly string[] | null;
  /** Null is unlimited, for each of them. */
  readonly rateLimits: {
    readonly requestsPerMinute: number | null;
    readonly tokensPerMinute: number | null;
    readonly parallelRequests: number | null;
  };
  readonly selfService: boolean;
  readonly paygAllowed: boolean;
  /** In millionths of the cost; null where the organisation's own counts. */
  readonly markupMillionths: number | null;
}

/** An entry of `trusted_proxies` in config.yaml. */
interface TrustedProxyEntry {
  /** Addresses, and networks in CIDR form. */
  readonly addresses: readonly string[];
  readonly header: 'x-forwarded-for' | 'forwarded';
}

/** What one process takes on at one time, whoever asks. */
export interface Limits {
  /** Of one inference request. */
  readonly bodyBytesMax: number;
  /** Of all requests under way together. */
  readonly bodiesBytesMax: number;
  readonly callsPerKeyMax: number;
}

/** An entry of `providers` in config.yaml. */
export interface Provider {
  readonly name: string;
  readonly type: ProviderType;
  /** Without a slash at its end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** The source of the prices of its models, by name or by the host; null or absent for none. */
  readonly source?: string | null;
  /** The version of its API that Azure is asked for; null where none is named. */
  readonly apiVersion: string | null;
  /** Null where none is named, or the variable is not set, or the file is missing. */
  readonly credential: Secret | null;
  /** The environment variable that the credential is taken from; null where none is named. */
  readonly credentialVariable: string | null;
  /** The file that the credential is taken from; absent where none is named. */
  readonly credentialFile?: string;
  /** Whether a gateway may start without its credential, and passes its targets over then; absent for no. */
  readonly isOptional?: boolean;
  /** Headers of each call; absent where none are named. */
  readonly headers?: readonly ProviderHeader[];
  /** What is added to the base URL for an operation, where that is not its usual path. */
  readonly paths?: Readonly<Partial<Record<OperationName, string>>>;
  readonly allowPrivateNetwork: boolean;
  readonly timeoutMs: number;
  readonly firstByteTimeoutMs: number;
  /** The most calls of it that one gateway has under way. */
  readonly connectionsMax: number;
  /** The name under which the provider takes a ceiling of output tokens; null for what its type is known to take. */
  readonly ceilingField: CeilingField | null;
  /** Whether it is asked for the usage of a stream by `stream_options`; null for what its type is known to take. */
  readonly streamOptions: boolean | null;
  /** Whether a stream is ended when it has used up the credit held for it. */
  readonly endAtHold: boolean;
  /**
   * Fields of a request that the provider may be sent though their cost has no known bound, or they may lead elsewhere.
   */
  readonly allowFields: readonly string[];
  /** Values of `anthropic-beta` that the provider may be sent though they can change the price or the model. */
  readonly allowBetas?: readonly string[];
  /** What a compatible provider serves besides chat, completions and embeddings; absent for nothing more. */
  readonly endpoints?: readonly 'responses'[];
  /** Whether a compatible provider is a proxy in front of OpenAI, and takes what OpenAI takes; absent for no. */
  readonly passesToOpenAi?: boolean;
  /**
   * Who answers instead of the provider; never of the file, but of whoever composes the process. Absent: the provider
   * itself.
   */
  readonly standIn?: 'simulator' | 'nobody';
}

/**
 * What replies and usage events name as the provider where a simulator has answered; no provider in a file has this
 * name.
 */
export const SIMULATOR_NAME = 'tollgate-simulator';

/** A header of each call of a provider. */
export interface ProviderHeader {
  /** In lower case. */
  readonly name: string;
  /** Null where the variable or the file that it is taken from is missing or empty. */
  readonly value: Secret | null;
  /** The variable or the file that it is taken from; both absent for a value in the file itself. */
  readonly variable?: string;
  readonly file?: string;
}

/** What a provider can be asked for, as `paths` of an entry names it. */
export const OPERATION_NAMES = [
  'chat/completions',
  'completions',
  'embeddings',
  'responses',
  'responses/compact',
  'messages',
  'messages/count_tokens',
] as const;
type OperationName = (typeof OPERATION_NAMES)[number];

/** Whether a provider takes its credential from somewhere. */
export function needsCredential({ credentialVariable, credentialFile }: Provider): boolean {
  return credentialVariable !== null || credentialFile !== undefined;
}

/** Whether a provider takes its credential, or a header, from a variable that is not set or a file that is missing. */
export function lacksCredential(provider: Provider): boolean {
  return missingSources(provider).length > 0;
}

/** The variables and files that a provider's entry names and that are missing or empty. */
export function missingSources(provider: Provider): string[] {
  const { credential, credentialVariable, credentialFile, headers = [] } = provider;
  return [
    ...(credential === null ? [credentialVariable ?? credentialFile ?? []].flat() : []),
    ...headers.flatMap(({ value, variable, file }) => (value === null ? (variable ?? file ?? []) : [])),
  ];
}

/** The environment variables that the entries of providers name, and those that name files in their places. */
export function variablesOf(providers: readonly Provider[]): string[] {
  return providers
    .flatMap(({ credentialVariable, headers = [] }) => [
      ...(credentialVariable === null ? [] : [credentialVariable]),
      ...headers.flatMap(({ variable }) => variable ?? []),
    ])
    .flatMap((name) => [name, twinOf(name)]);
}

/**
 * The providers that lack a credential, by what follows for a gateway: `required` ones are led to by a route, and it
 * cannot do without them; the others it passes over.
 */
export function lackingProviders({ providers, routes }: Pick<TollgateConfig, 'providers' | 'routes'>): {
  readonly required: readonly Provider[];
  readonly passedOver: readonly Provider[];
} {
  const led = new Set(routes.flatMap(({ targets }) => targets.map(({ provider }) => provider)));
  const lacking = providers.filter(lacksCredential);
  const isRequired = ({ name, isOptional = false }: Provider): boolean => led.has(name) && !isOptional;
  return { required: lacking.filter(isRequired), passedOver: lacking.filter((each) => !isRequired(each)) };
}

/** Whether requests can be sent to a provider, or to what stands in for it. */
export function isConfigured(provider: Provider): boolean {
  return provider.standIn === undefined ? !lacksCredential(provider) : provider.standIn === 'simulator';
}

/**
 * Of each provider whose credential is missing, that it is and in which variable or file, in a few words; empty where
 * none is.
 */
export function missingCredentials(providers: readonly Provider[]): string {
  return providers
    .filter(lacksCredential)
    .map((provider) => `provider ${provider.name} has no credential: ${missingSources(provider).map(unset).join(', ')}`)
    .join('; ');
}

const unset = (source: string): string =>
  source.startsWith('/') ? `the file ${source} is missing, empty or not readable` : `${source} is not set`;

/** How a provider is spoken to: which paths, which credential header, and what it is presumed to know. */
export type ProviderType = (typeof PROVIDER_TYPES)[number];

/** The values of `type` of a provider in config.yaml. */
export const PROVIDER_TYPES = ['openai', 'azure', 'anthropic', 'compatible'] as const;

/** The field by which a provider takes the ceiling of output tokens. */
export type CeilingField = 'max_completion_tokens' | 'max_tokens' | 'none';

/** An entry of `routes` in config.yaml: a model name with the targets that serve it. */
export interface Route {
  /** May hold `*`. */
  readonly name: string;
  readonly targets: readonly Target[];
  /** Which keys may use it: all, or those in a group that has the route. */
  readonly access: 'everyone' | 'groups';
}

/** A model of a provider, with its share of the requests of a route. */
export interface Target {
  readonly provider: string;
  /** `*` is the model that the caller named; see `targetModel`. */
  readonly model: string;
  readonly weight: number;
}

/** An entry of `prices` in config.yaml. Amounts are nano-USD for a million tokens. */
export interface PriceEntry {
  readonly provider: string;
  /** May hold `*`. */
  readonly model: string;
  /** Null for an entry that takes the price of a known model: then there is `like`. */
  readonly price: ModelPrice | null;
  readonly like?: LikeKnown;
  /** Whether the file leaves the ceiling of output to what is known of the model; absent for no. */
  readonly isCeilingOpen?: boolean;
  /** Whether the file does not say how much the model reads; absent for no. */
  readonly isContextOpen?: boolean;
  /** The first moment at which it counts, and the first at which it does not, in milliseconds since 1970. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** The hours of each day at which it counts; absent for all. */
  readonly hours?: DailyHours;
}

/** A known model whose price an entry takes, and what the entry says instead. */
export interface LikeKnown {
  readonly source: string;
  /** Null for the model that is asked for. */
  readonly model: string | null;
  readonly overrides: PriceOverrides;
}
