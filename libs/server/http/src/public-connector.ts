import { lookup as lookupHost, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { isPrivateAddress } from './private-address.js';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Bounds of the connections of `publicConnector`. */
export interface PublicConnectorOptions {
  /** For the connection, TLS included. */
  readonly timeoutMs: number;
  /** The setting that would allow it, for the error of a private address. */
  readonly allowedBy: string;
}

/**
 * Makes connections for undici to public addresses only. A host that resolves to any private one is refused with the
 * code `ERR_PRIVATE_ADDRESS`. The addresses of the DNS answer that is connected to are the ones that are checked, so
 * a name that changes between a check and the connection gains nothing.
 */
export function publicConnector({ timeoutMs, allowedBy }: PublicConnectorOptions): buildConnector.connector {
  const refused = (): NodeJS.ErrnoException =>
    Object.assign(new Error(`the host resolves to a private address; set ${allowedBy} if that is meant`), {
      code: 'ERR_PRIVATE_ADDRESS',
    });
  const connect = buildConnector({ timeout: timeoutMs, lookup: lookupPublic(refused) });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && isPrivateAddress(host)) callback(refused(), null);
    else connect(options, callback);
  };
}

function lookupPublic(refused: () => NodeJS.ErrnoException) {
  return (host: string, options: LookupOptions, callback: LookupCallback): void => {
    lookupHost(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(refused(), []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      if (first === undefined) callback(Object.assign(new Error('the host has no address'), { code: 'ENOTFOUND' }), []);
      else callback(null, first.address, first.family);
    });
  };
}
