import { normalDomain } from '@tollgate/http';

/** What stands before a domain in the name of the record that proves it. */
const RECORD_LABEL = '_tollgate';
/** A name in DNS has at most 253 characters (RFC 1035), the record's label and its dot among them. */
const NAME_LENGTH_MAX = 253 - RECORD_LABEL.length - 1;

/**
 * A domain in the form in which domains of addresses are compared (`normalDomain`), without a dot at the end. Null for
 * what can be no domain of mail on the internet: one label alone, an address, labels of other characters or too long. A
 * claim on a domain says nothing of the domains below it.
 *
 * @example
 * domainName('Bücher.example.') // 'xn--bcher-kva.example'
 */
export function domainName(text: string): string | null {
  const name = normalDomain(text.replace(/\.$/, ''));
  if (name === null || name.length > NAME_LENGTH_MAX) return null;
  const labels = name.split('.');
  // The last label of an IPv4 address, in any spelling, begins with no letter.
  return labels.length >= 2 && /^[a-z]/.test(labels.at(-1) ?? '') ? name : null;
}

/** The TXT record that proves a domain. */
export interface DnsRecord {
  readonly name: string;
  readonly value: string;
}

/** The record that whoever controls the domain sets, for the token of one claim. */
export const recordOf = (domain: string, token: string): DnsRecord => ({
  name: `${RECORD_LABEL}.${domain}`,
  value: `tollgate-domain=${token}`,
});

/** The tokens that the TXT records of a domain show. Each record is a list of strings that belong together. */
export function tokensIn(records: readonly (readonly string[])[]): string[] {
  return records.flatMap((parts) => /^\s*tollgate-domain=([\w-]{1,100})\s*$/.exec(parts.join(''))?.[1] ?? []);
}
