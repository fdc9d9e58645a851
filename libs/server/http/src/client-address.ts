import { normaliseAddress } from '@tollgate/api-key';
import type { FastifyInstance } from 'fastify';
import { isAccepted, type AcceptedSecrets } from './accepted-secrets.js';
import { peerAddress } from './peer-address.js';
import { Problem } from './problem.js';
import type { SecretChecks } from './secret-checks.js';
import type { TrustedProxies } from './trusted-proxies.js';

/** What is read of a request of Fastify: the address of whoever connected. */
export interface AskingRequest {
  readonly ip: string;
}

/** In which a gateway tells the services behind it whom it speaks for. */
const CLIENT_ADDRESS_HEADER = 'x-tollgate-client-address';
/** Beside it, where a proxy does not tell the client's address: what the other header has is the proxy's. */
const HIDDEN_CLIENT_HEADER = 'x-tollgate-client-hidden';
/** Beside which that is believed: the secret that services share. */
const SERVICE_SECRET_HEADER = 'x-tollgate-service-secret';
/** While that is being replaced: the previous one, for services that do not know the new one yet. */
const PREVIOUS_SECRET_HEADER = 'x-tollgate-service-secret-previous';
/** Headers that services of ours write: what a client sends under these names is never passed on. */
export const OWN_HEADERS_PREFIX = 'x-tollgate-';

const addresses = new WeakMap<AskingRequest, string>();
const hidden = new WeakSet<AskingRequest>();

/**
 * The address that a request comes from: the client's, where a gateway has passed it on, else that of whoever
 * connected. An IPv4 address in IPv6 form is written as IPv4.
 */
export function clientAddressOf(request: AskingRequest): string {
  return addresses.get(request) ?? peerOf(request);
}

/**
 * Whether the address of a request is its client's own. Where a trusted proxy does not tell that, `clientAddressOf` is
 * the proxy's, by which limits count, and no list of allowed networks admits the client.
 */
export const isClientAddressKnown = (request: AskingRequest): boolean => !hidden.has(request);

/** The headers by which a gateway tells a service behind it who asks. */
export function clientAddressHeaders(
  request: AskingRequest,
  [secret, previous]: AcceptedSecrets,
): Record<string, string> {
  return {
    [CLIENT_ADDRESS_HEADER]: clientAddressOf(request),
    ...(hidden.has(request) && { [HIDDEN_CLIENT_HEADER]: 'yes' }),
    [SERVICE_SECRET_HEADER]: secret,
    ...(previous !== undefined && { [PREVIOUS_SECRET_HEADER]: previous }),
  };
}

/**
 * Believes the gateway's word on a client's address beside the service secret. Beside a wrong one it is passed over,
 * and the request counts as that of whoever connected: it must still be possible to revoke a key while a gateway and
 * the services have been given different secrets.
 */
export function believeGateways(fastify: FastifyInstance, accepted: AcceptedSecrets, checks: SecretChecks): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const {
      [CLIENT_ADDRESS_HEADER]: told,
      [SERVICE_SECRET_HEADER]: secret,
      [PREVIOUS_SECRET_HEADER]: previous,
    } = request.headers;
    if (typeof secret === 'string') {
      const shown = typeof previous === 'string' ? [secret, previous] : [secret];
      const matches = (): boolean => shown.map((given) => isAccepted(given, accepted)).includes(true);
      const outcome = checks.check(secret, matches, peerOf(request));
      const address = outcome === 'right' && typeof told === 'string' ? normaliseAddress(told) : null;
      if (address !== null) {
        addresses.set(request, address);
        if (request.headers[HIDDEN_CLIENT_HEADER] !== undefined) hidden.add(request);
      }
    }
    done();
  });
}

/**
 * Believes what trusted proxies say of whom they speak for; 400 where that is no address. Who comes without a proxy is
 * who connected.
 */
export function believeProxies(fastify: FastifyInstance, proxies: TrustedProxies): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const client = proxies.clientOf(request.raw);
    if ('fault' in client) return done(new Problem('invalid_request', { detail: client.fault }));
    addresses.set(request, client.address);
    if (!client.isKnown) hidden.add(request);
    done();
  });
}

const peerOf = ({ ip }: AskingRequest): string => peerAddress(ip);
