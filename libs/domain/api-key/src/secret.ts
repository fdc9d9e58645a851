import { createHmac, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The form of a secret is `sk-` or `sk-sub-`, then 50 characters of [0-9A-Za-z]: 18 random ones, the deployment's
 * 8-character marker, 18 random ones, and a 6-character base62 CRC-32 of the 44 before it. 36 random characters are 214
 * bits. The checksum only filters out texts that are no secrets; it authenticates nothing.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 18;
const CHECKSUM_LENGTH = 6;
const CHECKED_LENGTH = 44;
const BODY_LENGTH = CHECKED_LENGTH + CHECKSUM_LENGTH;
const SECRET_PATTERN = /^sk-(?:sub-)?[0-9A-Za-z]{50}$/;

/** The length and alphabet of a marker; `TOLLGATE_KEY_MARKER` must match it. */
export const KEY_MARKER_PATTERN = /^[0-9A-Za-z]{8}$/;
/** The marker of secrets if the deployment names none. */
export const DEFAULT_KEY_MARKER = 'TGate001';

/** Node.js prints an object by the method with this name (`util.inspect.custom`). */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A plaintext secret. It cannot be logged, printed or serialised by accident: only `reveal()` returns it. */
export class Secret {
  readonly #plaintext: string;
  constructor(plaintext: string) {
    this.#plaintext = plaintext;
  }
  /** The plaintext, for the one reply that shows it and for the HMAC. */
  reveal(): string {
    return this.#plaintext;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): never {
    throw new TypeError('a secret cannot be serialised');
  }
  [INSPECT](): string {
    return '[secret]';
  }
}

/** CRC-32 of ASCII text as six base62 characters, zero-padded (GitHub's token checksum). */
export function checksum(text: string): string {
  let value = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET[value % 62] + digits;
    value = Math.floor(value / 62);
  }
  return digits;
}

function randomCharacters(count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += ALPHABET[randomInt(62)];
  return text;
}

/** A new secret of the deployment whose 8-character marker is given. */
export function generateSecret(marker: string, prefix: 'sk-' | 'sk-sub-' = 'sk-'): Secret {
  if (!KEY_MARKER_PATTERN.test(marker)) throw new RangeError('the key marker must be 8 characters of [0-9A-Za-z]');
  const checked = randomCharacters(RANDOM_LENGTH) + marker + randomCharacters(RANDOM_LENGTH);
  return new Secret(prefix + checked + checksum(checked));
}

const PUBLIC_KEY_LENGTH = 36;

/** A new public half of a project key: `pk-` and 36 characters of [0-9A-Za-z]. It names a key and opens nothing. */
export const generatePublicKey = (): string => `pk-${randomCharacters(PUBLIC_KEY_LENGTH)}`;

/** The length of a secret with the prefix `sk-sub-`, and of one with `sk-`. */
export const SECRET_LENGTHS: readonly number[] = ['sk-sub-', 'sk-'].map((prefix) => prefix.length + BODY_LENGTH);

/** Whether a text has the form of a secret and the right checksum. A text that fails here needs no look-up. */
export function hasSecretForm(text: string): boolean {
  if (!SECRET_LENGTHS.includes(text.length)) return false;
  if (!SECRET_PATTERN.test(text)) return false;
  const body = text.slice(-BODY_LENGTH);
  return checksum(body.slice(0, CHECKED_LENGTH)) === body.slice(CHECKED_LENGTH);
}

/** The first 6 and the last 4 characters: this is shown to people after the one reply that has the whole secret. */
export function maskSecret(secret: Secret): string {
  const plaintext = secret.reveal();
  return `${plaintext.slice(0, 6)}…${plaintext.slice(-4)}`;
}

/** The HMAC-SHA-256 of a secret under the deployment's pepper, 64 hex digits. Keys are looked up by it. */
export function digestSecret(plaintext: string, pepper: string): string {
  return createHmac('sha256', pepper).update(plaintext).digest('hex');
}

/** A short name of a pepper. It is stored with each digest, so that peppers can be rotated. */
export function pepperId(pepper: string): string {
  return createHmac('sha256', pepper).update('tollgate pepper id').digest('hex').slice(0, 12);
}
