import { lookup as lookupHost, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { normaliseAddress } from '@tollgate/api-key';
import type { Provider as ProviderConfig } from '@tollgate/config';
import { buildConnector, Pool } from 'undici';
import { InjectedFields } from './injected-fields.js';
import { watchProviderSocket } from './provider-socket.js';

/** Who runs the model: where requests go, and with whose credential. */
export interface Provider {
  readonly name: string;
  /** Path of the chat endpoint at the provider. */
  readonly chatPath: string;
  readonly pool: Pool;
  /** Opens a connection for each request: for the second try of one whose kept connection had died. */
  readonly freshPool: Pool;
  /** What is put into a request that the caller did not write. */
  readonly injectedFields: InjectedFields;
  /** Whether a stream is ended when it has used up its hold. */
  readonly endAtHold: boolean;
  /** Fields of a request that it may be sent though they cost more, or lead elsewhere, than the gateway can tell. */
  readonly allowFields: ReadonlySet<string>;
  /** The credential, so that a provider's words can be kept without it; null without one. */
  readonly credential: string | null;
  /** Headers of every request, name and value in turn; the credential among them never leaves this host. */
  readonly headers: readonly string[];
  readonly timeoutMs: number;
  readonly firstByteTimeoutMs: number;
}

const CONNECTIONS_MAX = 2_048;
const CONNECT_TIMEOUT_MS = 5_000;

/** Addresses that a provider on the internet cannot have: an answer of DNS that names one is an attack or a mistake. */
const PRIVATE = new BlockList();
for (const [address, length] of [['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 3]] as const) {
  PRIVATE.addSubnet(address, length, 'ipv4');
}
for (const [address, length] of [['::', 128], ['::1', 128], ['64:ff9b::', 96], ['fc00::', 7], ['fe80::', 10], ['ff00::', 8]] as const) PRIVATE.addSubnet(address, length, 'ipv6');

export function isPrivateAddress(address: string): boolean {
  const normal = normaliseAddress(address);
  return normal === null || PRIVATE.check(normal, isIP(normal) === 4 ? 'ipv4' : 'ipv6');
}

/** Opens the connections to a provider of the configuration. Redirects are never followed. */
export function openProvider(config: ProviderConfig): Provider {
  const url = new URL(config.baseUrl);
  const connect = watched(config.allowPrivateNetwork ? buildConnector({ timeout: CONNECT_TIMEOUT_MS }) : publicConnector());
  const pool = (): Pool => new Pool(url.origin, { connections: CONNECTIONS_MAX, pipelining: 1, allowH2: false, connect });
  return {
    name: config.name,
    chatPath: `${url.pathname.replace(/\/$/, '')}/chat/completions`,
    pool: pool(),
    freshPool: pool(),
    injectedFields: new InjectedFields(config),
    endAtHold: config.endAtHold,
    allowFields: new Set(config.allowFields),
    credential: config.credential?.reveal() ?? null,
    headers: [
      'content-type', 'application/json',
      'user-agent', 'tollgate',
      // Without this any coding would be allowed (RFC 9110 §12.5.3), and some relays compress whatever they may.
      'accept-encoding', 'identity',
      ...(config.credential === null ? [] : ['authorization', `Bearer ${config.credential.reveal()}`]),
    ],
    timeoutMs: config.timeoutMs,
    firstByteTimeoutMs: config.firstByteTimeoutMs,
  };
}

/** Connects as `connect` does, and watches the connection. */
function watched(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      else callback(null, watchProviderSocket(socket) as typeof socket);
    });
  };
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Connects to public addresses only; what DNS answers is checked at the moment of connecting. */
function publicConnector(): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: lookupPublic });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && isPrivateAddress(host)) callback(privateAddressError(), null);
    else connect(options, callback);
  };
}

function lookupPublic(host: string, options: LookupOptions, callback: LookupCallback): void {
  lookupHost(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, []);
    if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(privateAddressError(), []);
    if (options.all === true) callback(null, addresses);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  });
}

function privateAddressError(): NodeJS.ErrnoException {
  return Object.assign(new Error('the provider resolves to a private address; set allow_private_network where that is meant'), { code: 'ERR_PRIVATE_ADDRESS' });
}
