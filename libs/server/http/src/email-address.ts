import { domainToASCII } from 'node:url';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';

/** The longest address that SMTP carries (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets). */
const ADDRESS_LENGTH_MAX = 254;
const LOCAL_LENGTH_MAX = 64;
const DOMAIN_LENGTH_MAX = 253;
/** A domain name grows as it becomes ASCII and never shrinks by much: what is longer than this is not looked at. */
const GIVEN_LENGTH_MAX = 320;
/** A dot-atom (RFC 5322, section 3.2.3): no quotes, comments, spaces or control characters. */
const LOCAL_PART = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
/** What a domain may be made of before it becomes ASCII. `domainToASCII` would also decode `%41` and read `0x7f.1`. */
const DOMAIN_GIVEN = /^[a-z0-9.\u0080-\u{10ffff}-]+$/iu;
const DOMAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The one form in which an e-mail address is stored, compared and written to: ASCII in lower case, its domain as
 * A-labels (RFC 5890). Null if the text is no address that Tollgate takes: only a dot-atom, `@` and a host name are,
 * for mail libraries do not agree on what the rest of RFC 5322 means. A local part outside ASCII is refused, because
 * characters that look like ASCII, or become ASCII in another case (`ı`, `K`), would make two people's addresses one.
 *
 * @example
 * normalEmailAddress('Ann@Bücher.example'); // 'ann@xn--bcher-kva.example'
 */
export function normalEmailAddress(text: string): string | null {
  if (text.length > GIVEN_LENGTH_MAX) return null;
  const at = text.indexOf('@');
  if (at < 1 || at > LOCAL_LENGTH_MAX) return null;
  const local = text.slice(0, at);
  if (!LOCAL_PART.test(local)) return null;
  const domain = normalDomain(text.slice(at + 1));
  if (domain === null) return null;
  // The local part is ASCII here, so this changes nothing but A to Z.
  const address = `${local.toLowerCase()}@${domain}`;
  return address.length <= ADDRESS_LENGTH_MAX ? address : null;
}

/**
 * The one form of a domain name: A-labels in lower case without a final dot. Null if the text is no host name, or is an
 * address of a network (`127.0.0.1`).
 */
export function normalDomain(text: string): string | null {
  if (text.length > GIVEN_LENGTH_MAX || !DOMAIN_GIVEN.test(text)) return null;
  const domain = domainToASCII(text);
  if (domain === '' || domain.length > DOMAIN_LENGTH_MAX) return null;
  const labels = domain.split('.');
  const last = labels.at(-1) ?? '';
  return labels.every((label) => DOMAIN_LABEL.test(label)) && !/^[0-9]+$/.test(last) ? domain : null;
}

/** The domain of an address in its normal form. */
export const domainOfAddress = (email: string): string => email.slice(email.lastIndexOf('@') + 1);

/** The field of a request that is an e-mail address; its value is in the normal form. */
export const emailAddressField = shown(
  z.string().transform((text, context) => {
    const address = normalEmailAddress(text);
    if (address !== null) return address;
    context.addIssue({ code: 'custom', message: 'must be one e-mail address, as name@example.org' });
    return z.NEVER;
  }),
  {
    type: 'string',
    minLength: 3,
    maxLength: ADDRESS_LENGTH_MAX,
    format: 'email',
    description:
      'One address without quotes or comments. It counts in lower case, and its domain as A-labels; a local part must be ASCII.',
  },
);
