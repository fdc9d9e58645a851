import type { Provider as ProviderConfig } from '@tollgate/config';
import { publicConnector } from '@tollgate/http';
import { buildConnector, Pool } from 'undici';
import type { DialectName } from '../dialects/dialect-name.js';
import { yielding } from './caller-headers.js';
import { maskOf, type SecretsMask } from './secrets-mask.js';
import { InjectedFields } from './injected-fields.js';
import { watchProviderSocket } from './provider-socket.js';
import type { OperationPath, ProviderType } from './provider-type.js';
import { PROVIDER_TYPES } from './provider-types.js';

/** A provider, with the connections to it. */
export interface Provider {
  readonly name: string;
  /** The dialects that the provider accepts. */
  readonly dialects: ReadonlySet<DialectName>;
  /** As in `ProviderType`. */
  dialectsOfModel?(model: string): ReadonlySet<DialectName> | null;
  /** The path of an operation at the provider. */
  readonly pathOf: OperationPath;
  readonly pool: Pool;
  /** Opens a new connection for each request. Used for the second try after a reused connection had died. */
  readonly freshPool: Pool;
  /** What translations to chat may use: as in `KnownFields`. */
  readonly customTools: boolean;
  /** Null: it depends on the model. */
  readonly earlierThoughts: boolean | null;
  readonly mistralsCallIds: boolean | null;
  readonly hints: boolean;
  /** Whether a ceiling of 0 is one: as in `KnownFields`. */
  readonly endsAtZero: boolean;
  /** The fields that the gateway adds to requests. */
  readonly injectedFields: InjectedFields;
  /** Whether a stream is ended once it has used up its hold. */
  readonly endAtHold: boolean;
  /**
   * Fields that may be sent to this provider although their cost has no known bound, or they name another destination.
   */
  readonly allowFields: ReadonlySet<string>;
  readonly blamesConfiguration: ProviderType['blamesConfiguration'];
  readonly callerHeaders: ProviderType['callerHeaders'];
  readonly defaultHeaders: ProviderType['defaultHeaders'];
  /** Values of `anthropic-beta` that may be sent although they can change the price or the model. */
  readonly allowBetas: readonly string[];
  /** The credential, so that it can be removed from logged texts; null if there is none. */
  readonly credential: string | null;
  /** Finds the credential in answers; null if there is none, or if it is too short to be searched for. */
  readonly mask: SecretsMask | null;
  /** The headers of each request, including the credential: names and values in turn. Do not log them. */
  readonly headers: readonly string[];
  readonly timeoutMs: number;
  readonly firstByteTimeoutMs: number;
  /** The number of running calls, each on a connection, and the most that may run. */
  readonly load: { calls: number; readonly callsMax: number };
}

/** Whether all connections of a provider are in use. */
export function isBusy({ load }: Provider): boolean {
  return load.calls >= load.callsMax;
}

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Opens the providers of the configuration, by name. `shownAs` returns the configuration with the name for replies and
 * events.
 */
export function openProviders(
  configs: readonly ProviderConfig[],
  shownAs: (config: ProviderConfig) => ProviderConfig = (config) => config,
): Map<string, Provider> {
  return new Map(configs.map((config) => [config.name, openProvider(shownAs(config), PROVIDER_TYPES[config.type])]));
}

/** Opens the connection pools of a provider. Redirects are never followed. */
export function openProvider(config: ProviderConfig, type: ProviderType): Provider {
  const url = new URL(config.baseUrl);
  const known = type.knownFields(config);
  const dialects = type.dialectsOf(config);
  const ownNames = new Set((config.headers ?? []).map(({ name }) => name));
  const defaultHeaders = type.defaultHeaders.filter((_text, at, all) => !ownNames.has(all[at - (at % 2)] ?? ''));
  const connect = watched(
    config.allowPrivateNetwork
      ? buildConnector({ timeout: CONNECT_TIMEOUT_MS })
      : publicConnector({ timeoutMs: CONNECT_TIMEOUT_MS, allowedBy: 'allow_private_network' }),
  );
  const pool = (): Pool =>
    new Pool(url.origin, { connections: config.connectionsMax, pipelining: 1, allowH2: false, connect });
  return {
    name: config.name,
    dialects,
    dialectsOfModel: (model) => within(dialects, type.dialectsOfModel?.(model) ?? null),
    pathOf: pathsOf(config, type),
    pool: pool(),
    freshPool: pool(),
    customTools: known.customTools === true,
    earlierThoughts: known.earlierThoughts ?? null,
    mistralsCallIds: known.mistralsCallIds ?? null,
    hints: known.hints === true,
    endsAtZero: known.endsAtZero === true,
    injectedFields: new InjectedFields({
      ceilingField: config.ceilingField ?? known.ceilingField,
      streamOptions: config.streamOptions ?? known.streamOptions,
    }),
    endAtHold: config.endAtHold,
    allowFields: new Set(config.allowFields),
    blamesConfiguration: type.blamesConfiguration,
    callerHeaders: yielding(type.callerHeaders, ownNames, defaultHeaders),
    defaultHeaders,
    allowBetas: config.allowBetas ?? [],
    credential: config.credential?.reveal() ?? null,
    mask: maskOf(secretsOf(config)),
    headers: [
      'content-type',
      'application/json',
      'user-agent',
      'tollgate',
      // Without this header any coding would be allowed (RFC 9110 §12.5.3), and some relays compress if they may.
      'accept-encoding',
      'identity',
      ...(config.headers ?? []).flatMap(({ name, value }) => (value === null ? [] : [name, value.reveal()])),
      ...(config.credential === null ? [] : type.credentialHeaders(config.credential.reveal())),
    ],
    timeoutMs: config.timeoutMs,
    firstByteTimeoutMs: config.firstByteTimeoutMs,
    load: { calls: 0, callsMax: config.connectionsMax },
  };
}

/** The secrets that a provider is sent: its credential, and headers that come from the environment or a file. */
function secretsOf({ credential, headers = [] }: ProviderConfig): string[] {
  const ofHeaders = headers.flatMap(({ value, variable, file }) =>
    value === null || (variable === undefined && file === undefined) ? [] : [value.reveal()],
  );
  return [...(credential === null ? [] : [credential.reveal()]), ...ofHeaders];
}

/** The paths of a provider: those that its entry names, else those of its type. */
function pathsOf(config: ProviderConfig, type: ProviderType): OperationPath {
  const usual = type.pathsOf(config);
  const { paths } = config;
  if (paths === undefined) return usual;
  const base = new URL(config.baseUrl).pathname.replace(/\/$/, '');
  const named: ReadonlyMap<string, string> = new Map(
    Object.entries(paths).map(([operation, path]) => [`/${operation}`, base + path]),
  );
  return (operation, model) => named.get(operation) ?? usual(operation, model);
}

/** The dialects of a model, if the provider speaks all of them; null otherwise. */
function within(
  dialects: ReadonlySet<DialectName>,
  ofModel: ReadonlySet<DialectName> | null,
): ReadonlySet<DialectName> | null {
  return ofModel !== null && [...ofModel].every((name) => dialects.has(name)) ? ofModel : null;
}

/** Connects with `connect`, and watches the connection. */
function watched(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      else callback(null, watchProviderSocket(socket) as typeof socket);
    });
  };
}
