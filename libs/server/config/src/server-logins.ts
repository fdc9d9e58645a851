import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { boundedFile } from './bounded-file.js';
import { secretVariable } from './secret-variables.js';

/** The parts of a URL that name somebody; undefined where a percent sign in them is not one of an encoding. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const RAW_CHARACTER =
  'must be a URL in which @ # ? / and % of a password are percent-encoded (@ is %40); or leave the password out of it, and set it apart';
/** A query that is one: what a raw question mark in a password leaves looks otherwise. */
const QUERY = /^\?(?:[\w.-]+=[^&]*(?:&|$))+$/;

/**
 * The URL of a server where one logs in; it may have a password. A password with a character that has a meaning in
 * URLs can make another host of a part of it: what looks like that is refused, instead of being connected to.
 */
export const loginUrl = (...protocols: string[]) =>
  secretVariable(
    z
      .string()
      .refine(
        (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
        `must be a URL of ${protocols.map((each) => `${each}//`).join(' or ')}; a password in it must be percent-encoded`,
      )
      .refine((text) => {
        if (!URL.canParse(text)) return true;
        const { username, password, pathname, search, hash } = new URL(text);
        const isReadable = decoded(username) !== undefined && decoded(password) !== undefined;
        const isCutOff = pathname.includes('@') || (search.includes('@') && !QUERY.test(search));
        return isReadable && hash === '' && !isCutOff;
      }, RAW_CHARACTER),
  );

/** A file with certificates of authorities in PEM form; read as its path and what it holds. */
export const caFile = z.string().transform((path, context) => {
  const pem = certificatesOf(path);
  if (pem !== null) return { path, pem } as const;
  context.addIssue({ code: 'custom', message: 'must name a file that can be read, with certificates in PEM form' });
  return z.NEVER;
});

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Some ten times the list of all public authorities. */
const CERTIFICATES_BYTES_MAX = 4 * 1_048_576;

function certificatesOf(path: string): string | null {
  const file = boundedFile(path, CERTIFICATES_BYTES_MAX);
  if ('code' in file) return null;
  try {
    // Comments between the certificates may be in any encoding.
    const pem = file.bytes.toString('utf8');
    const certificates = pem.match(CERTIFICATE) ?? [];
    for (const each of certificates) new X509Certificate(each);
    return certificates.length === 0 ? null : pem;
  } catch {
    return null;
  }
}

/**
 * Completes the URLs of servers where one logs in, before they are checked: the password of `X_PASSWORD` comes into
 * `X_URL`, percent-encoded, and `DATABASE_CA_FILE` into each URL of PostgreSQL. `names` are the variables of the
 * process. The result has what is wrong with two variables together, by the name of the URL.
 */
export function completeUrls(names: readonly string[], given: Record<string, string>): Map<string, string> {
  const faults = new Map<string, string>();
  for (const name of names.filter((each) => each.endsWith('_URL'))) {
    const password = name.replace(/_URL$/, '_PASSWORD');
    const parts = { url: given[name], password: names.includes(password) ? given[password] : undefined };
    const result = completeUrl(name, parts, given);
    if ('fault' in result) faults.set(name, result.fault);
    else if (result.url !== undefined) given[name] = result.url;
  }
  return faults;
}

type Completed = { readonly url: string | undefined } | { readonly fault: string };

function completeUrl(
  name: string,
  { url, password }: { readonly url: string | undefined; readonly password: string | undefined },
  { DATABASE_CA_FILE, REDIS_CA_FILE }: Readonly<Record<string, string>>,
): Completed {
  const passwordName = name.replace(/_URL$/, '_PASSWORD');
  if (url === undefined)
    return password === undefined ? { url } : { fault: `${passwordName} is set, and ${name}, which it is for, is not` };
  // The schema says what is wrong with it.
  if (!URL.canParse(url)) return { url };
  const parsed = new URL(url);
  if (password !== undefined) {
    if (parsed.password !== '' || parsed.searchParams.has('password'))
      return { fault: `${name} has a password, and ${passwordName} is set too: leave one of them out` };
    // Redis alone has a user without a name.
    if (parsed.username === '' && !parsed.protocol.startsWith('redis'))
      return {
        fault: `${name} must name the user whose password ${passwordName} is, as ${parsed.protocol}//user@host`,
      };
    if (parsed.hostname === '') return { fault: `${name} must name the host that ${passwordName} is for` };
    parsed.password = encodeURIComponent(password);
  }
  if (REDIS_CA_FILE !== undefined && parsed.protocol === 'redis:')
    return { fault: `${name} must begin with rediss:// beside REDIS_CA_FILE: redis:// is without TLS` };
  if (DATABASE_CA_FILE !== undefined && parsed.protocol.startsWith('postgres')) {
    const contradiction = verifyBy(parsed, DATABASE_CA_FILE);
    if (contradiction !== null)
      return { fault: `${name} has ${contradiction}, which contradicts DATABASE_CA_FILE: leave one of them out` };
  }
  return { url: password === undefined && DATABASE_CA_FILE === undefined ? url : parsed.href };
}

/** What node-postgres takes for "no TLS" and for "no check", and what says otherwise where the authority is. */
const CONTRADICTIONS = ['sslmode=disable', 'sslmode=no-verify', 'ssl=0', 'ssl=false', 'uselibpqcompat=true'];

/** Sets that the server's certificate is checked against a file, in the way that node-postgres reads; null if done. */
function verifyBy({ searchParams }: URL, path: string): string | null {
  const contradiction = CONTRADICTIONS.find((each) => {
    const [key, value] = each.split('=') as [string, string];
    return searchParams.get(key) === value;
  });
  if (contradiction !== undefined) return contradiction;
  if (searchParams.has('sslrootcert')) return 'sslrootcert';
  // The names that mean the same here: node-postgres checks certificate and host in each of them.
  searchParams.set('sslmode', 'verify-full');
  searchParams.set('sslrootcert', path);
  return null;
}
