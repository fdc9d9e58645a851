import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** Token of the `Sealing` of a process. */
export const SEALING = Symbol('SEALING');

/**
 * Encrypts what must be read again and must not lie in the database in clear: stored answers, tokens of waiting mails,
 * credentials of identity providers. AES-256-GCM with a random nonce; the text names the key that it was sealed under.
 *
 * @example
 * const sealed = sealing.seal(secret, ['oidc_provider', organizationId]);
 * const secret = sealing.open(sealed, ['oidc_provider', organizationId]);
 */
export interface Sealing {
  /** The ids of all keys that texts are opened with. New texts are sealed under the first. */
  readonly keyIds: readonly [string, ...string[]];
  /**
   * `boundTo` says what the text belongs to (a kind, a tenant, an id): it opens for exactly that, and moved elsewhere
   * not.
   */
  seal(plaintext: string, boundTo: readonly string[]): string;
  /**
   * @throws {SealError} if the text was changed, is bound to something else, or was sealed under a key that is not
   * given
   */
  open(sealed: string, boundTo: readonly string[]): string;
}

/** A sealed text that cannot be opened. Its message never has any of the text. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

const VERSION = 's1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** An encryption key of 32 bytes with the name that sealed texts carry. */
export interface SealingKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The key that TOLLGATE_ENCRYPTION_KEY gives: 64 hexadecimal digits. */
export function sealingKeyOf(hex: string): SealingKey {
  return named(Buffer.from(hex, 'hex'));
}

/** The key for installations that give none, derived from the pepper (HKDF with SHA-256, RFC 5869). */
export function sealingKeyFromPepper(pepper: string): SealingKey {
  return named(Buffer.from(hkdfSync('sha256', pepper, '', 'tollgate encryption key', 32)));
}

/** The secrets of an installation that its encryption keys come from. */
export interface SealingSecrets {
  /** 64 hexadecimal digits; where they are absent, the key is derived from the pepper. */
  readonly encryptionKey?: string | undefined;
  /** The key before: 64 hexadecimal digits, or `derived` if it was derived from the pepper. */
  readonly encryptionKeyPrevious?: string | undefined;
  readonly pepper: string;
  /** While the pepper is being replaced. A derived key has its previous one from it. */
  readonly pepperPrevious?: string | undefined;
}

/**
 * The `Sealing` of an installation. While a previous key is given, new texts are sealed under that one: processes that
 * were not replaced yet know no other. A process that is `alone` on its database seals under the present key at once.
 * Texts under a derived key are opened in any case.
 */
export function sealingFrom(secrets: SealingSecrets, { alone = false } = {}): Sealing {
  return sealingWith(sealingKeysFrom(secrets, { alone }));
}

/** The keys of an installation, as `sealingFrom` uses them: the first one seals, and all of them open. */
export function sealingKeysFrom(
  secrets: SealingSecrets,
  { alone }: { readonly alone: boolean },
): readonly [SealingKey, ...SealingKey[]] {
  const { encryptionKey, pepper, pepperPrevious } = secrets;
  const derived = [pepper, ...(pepperPrevious === undefined ? [] : [pepperPrevious])].map(sealingKeyFromPepper);
  const present = encryptionKey === undefined ? sealingKeyFromPepper(pepper) : sealingKeyOf(encryptionKey);
  const previous = previousKey(secrets);
  if (previous === null) return [present, ...derived];
  return alone ? [present, previous, ...derived] : [previous, present, ...derived];
}

/** The key that processes which were not replaced yet seal under; null if it is the present one. */
function previousKey(secrets: SealingSecrets): SealingKey | null {
  const { encryptionKey, encryptionKeyPrevious, pepper, pepperPrevious } = secrets;
  if (encryptionKeyPrevious === DERIVED) return sealingKeyFromPepper(pepperPrevious ?? pepper);
  if (encryptionKeyPrevious !== undefined) return sealingKeyOf(encryptionKeyPrevious);
  return encryptionKey === undefined && pepperPrevious !== undefined ? sealingKeyFromPepper(pepperPrevious) : null;
}

const DERIVED = 'derived';

/** The id of the key that a text was sealed under; null if it is no sealed text. */
export function sealedUnder(sealed: string): string | null {
  const [version, id] = sealed.split('.');
  return version === VERSION && id !== undefined ? id : null;
}

/** `keys` are all that texts are opened with; new texts are sealed under the first. */
export function sealingWith(keys: readonly [SealingKey, ...SealingKey[]]): Sealing {
  const [first] = keys;
  const byId = new Map(keys.map((key) => [key.id, key.bytes]));
  return {
    keyIds: [first.id, ...[...byId.keys()].filter((id) => id !== first.id)],
    seal: (plaintext, boundTo) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', first.bytes, nonce);
      cipher.setAAD(boundText(boundTo));
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return [VERSION, first.id, Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')].join('.');
    },
    open: (sealed, boundTo) => {
      const [version, id = '', text = ''] = sealed.split('.');
      if (version !== VERSION) throw new SealError('a sealed text has a form that this release does not know');
      const key = byId.get(id);
      if (key === undefined) throw new SealError(`a text was sealed under the key ${id}, which is not given`);
      const bytes = Buffer.from(text, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError('a sealed text is cut off');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(boundText(boundTo));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const opened = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
        return Buffer.concat(opened).toString('utf8');
      } catch {
        throw new SealError('a sealed text was changed, or belongs to something else');
      }
    },
  };
}

/** Eight hexadecimal digits that tell keys apart and nothing of them. */
function named(bytes: Buffer): SealingKey {
  return { bytes, id: createHash('sha256').update('tollgate key id').update(bytes).digest('hex').slice(0, 8) };
}

/** JSON keeps the parts apart: no two lists give the same bytes. */
const boundText = (boundTo: readonly string[]): Buffer => Buffer.from(JSON.stringify(boundTo));
