import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { sealingKeysFrom, type SealingKey, type SealingSecrets } from './sealing.js';

const VERSION = 1;
const KEY_ID_BYTES = 4,
  NONCE_BYTES = 12,
  TAG_BYTES = 16,
  MARK_BYTES = 12;
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES;
/** How an id is written before it is encrypted: as its text, or as the bytes of its hexadecimal digits. */
const AS_TEXT = 0,
  AS_HEX = 1;
const HEX_ID = /^resp_((?:[0-9a-f]{2}){1,64})$/;

/**
 * Encrypts ids that must not be shown, for somebody who may use them (AES-256-GCM). The same id for the same owner is
 * always the same text while the key stays, since the nonce is a keyed hash of the id and of what it is bound to. Two
 * different ids share a nonce as rarely as such hashes of 96 bits collide.
 *
 * @example
 * const text = ids.seal('resp_68a1', ['response', organizationId, 'openai', 'gpt-5.6']);
 * ids.open(text, ['response', organizationId, 'openai', 'gpt-5.6']); // 'resp_68a1'
 * ids.open(text, ['response', anotherId, 'openai', 'gpt-5.6']); // null
 */
export class SealedIds {
  readonly #first: DerivedKey;
  readonly #byId: ReadonlyMap<string, DerivedKey>;

  /** `keys` are all that ids are opened with; new ids are sealed under the first. */
  constructor(keys: readonly [SealingKey, ...SealingKey[]]) {
    const [first, ...others] = keys;
    this.#first = derive(first);
    this.#byId = new Map([this.#first, ...others.map(derive)].map((key) => [key.id, key]));
  }

  /** The id as a text of letters, digits, `-` and `_`. `boundTo` says to whom it belongs, and for what. */
  seal(id: string, boundTo: readonly string[]): string {
    const { encryption, nonces, id: keyId } = this.#first;
    const plain = packed(id);
    const bound = bytesOf(boundTo);
    const nonce = createHmac('sha256', nonces)
      .update(bound)
      .update('\0')
      .update(plain)
      .digest()
      .subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', encryption, nonce);
    cipher.setAAD(bound);
    return Buffer.concat([
      Buffer.of(VERSION),
      Buffer.from(keyId, 'hex'),
      nonce,
      cipher.update(plain),
      cipher.final(),
      cipher.getAuthTag(),
    ]).toString('base64url');
  }

  /** The id in a text that `seal` has made for the same owner; null for any other text, changed in whatever way. */
  open(text: string, boundTo: readonly string[]): string | null {
    const bytes = Buffer.from(text, 'base64url');
    // Decoders accept several spellings of the same bytes; only the one that was given out counts.
    if (bytes.length <= HEAD_BYTES + TAG_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== text)
      return null;
    const key = this.#byId.get(bytes.toString('hex', 1, 1 + KEY_ID_BYTES));
    if (key === undefined) return null;
    const decipher = createDecipheriv('aes-256-gcm', key.encryption, bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES));
    decipher.setAAD(bytesOf(boundTo));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const plain = [decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()];
      return unpacked(Buffer.concat(plain));
    } catch {
      return null;
    }
  }

  /** A short text of letters, digits, `-` and `_` that says who made something, for those alone who have the keys. */
  mark(maker: readonly string[]): string {
    return markUnder(this.#first, maker);
  }

  /** Whether a text is the mark of a maker, under any of the keys. */
  isMark(text: string, maker: readonly string[]): boolean {
    return [...this.#byId.values()].some((key) => markUnder(key, maker) === text);
  }
}

/**
 * The ids of an installation, sealed under the keys of its `Sealing`: while a previous key is given, under that one,
 * since processes that were not replaced yet know no other.
 */
export function sealedIdsFrom(secrets: SealingSecrets, { alone = false } = {}): SealedIds {
  return new SealedIds(sealingKeysFrom(secrets, { alone }));
}

interface DerivedKey {
  readonly id: string;
  readonly encryption: Buffer;
  readonly nonces: Buffer;
  readonly marks: Buffer;
}

/** Keys of their own for each use (HKDF with SHA-256, RFC 5869). */
function derive({ id, bytes }: SealingKey): DerivedKey {
  const keyFor = (use: string): Buffer => Buffer.from(hkdfSync('sha256', bytes, '', `tollgate ids ${use}`, 32));
  return { id, encryption: keyFor('encryption'), nonces: keyFor('nonces'), marks: keyFor('marks') };
}

function markUnder({ marks }: DerivedKey, maker: readonly string[]): string {
  return createHmac('sha256', marks).update(bytesOf(maker)).digest().toString('base64url', 0, MARK_BYTES);
}

/** JSON keeps the parts apart: no two lists give the same bytes. */
const bytesOf = (parts: readonly string[]): Buffer => Buffer.from(JSON.stringify(parts));

/** OpenAI's ids are hexadecimal digits after a prefix, which take half the bytes. */
function packed(id: string): Buffer {
  const digits = HEX_ID.exec(id)?.[1];
  return digits === undefined
    ? Buffer.concat([Buffer.of(AS_TEXT), Buffer.from(id)])
    : Buffer.concat([Buffer.of(AS_HEX), Buffer.from(digits, 'hex')]);
}

function unpacked(bytes: Buffer): string {
  return bytes[0] === AS_HEX ? `resp_${bytes.toString('hex', 1)}` : bytes.toString('utf8', 1);
}
