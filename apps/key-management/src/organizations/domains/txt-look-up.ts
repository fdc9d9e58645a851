import { Resolver } from 'node:dns/promises';

/** Token of the process's `TxtLookUp`. */
export const TXT_LOOK_UP = Symbol('TXT_LOOK_UP');

/**
 * The TXT records of a name in DNS, each a list of strings; none where there are none.
 * @throws {DnsUnavailable}
 */
export type TxtLookUp = (name: string) => Promise<string[][]>;

/** DNS gave no answer in time, or none that says whether there is a record. */
export class DnsUnavailable extends Error {
  override readonly name = 'DnsUnavailable';
}

/** The answers that say that there is no such record. */
const NONE = ['ENODATA', 'ENOTFOUND'];
const TIMEOUT_MS = 2_000;
const TRIES = 2;
/** A look-up takes no longer, however many servers the host knows. */
const LOOK_UP_MS_MAX = 5_000;

/** Looks names up at the DNS servers of this host, or at `servers`. */
export function dnsTxtLookUp(servers: readonly string[] = []): TxtLookUp {
  return async (name) => {
    // One for each look-up: to cancel one ends all of its resolver.
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers.length > 0) resolver.setServers(servers);
    const timer = setTimeout(() => resolver.cancel(), LOOK_UP_MS_MAX);
    try {
      return await resolver.resolveTxt(name);
    } catch (cause) {
      if (NONE.includes((cause as { code?: string }).code ?? '')) return [];
      throw new DnsUnavailable('a TXT record could not be looked up', { cause });
    } finally {
      clearTimeout(timer);
    }
  };
}
