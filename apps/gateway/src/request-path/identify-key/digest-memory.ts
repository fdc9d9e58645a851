import { hash, randomBytes } from 'node:crypto';
import {
  canBeImported,
  digestSecret,
  hasSecretForm,
  importedDigests,
  type ImportedDigests,
  type Peppers,
} from '@tollgate/api-key';

const REMEMBERED_MAX = 100_000;

/** What a key may be known by: the digests of its secret. */
export interface Digests extends ImportedDigests {
  /**
   * The digests that the secret has in other forms, if it was imported from another product. Left out where there are
   * none, or where nothing was imported.
   */
  readonly imported?: readonly ImportedDigests[];
  /** The secret has our own form, and may have been imported all the same: from another installation, say. */
  readonly isOurs?: true;
  /** What `everyDigest` gives behind `present`, made once for each secret; left out where that is nothing. */
  readonly further?: readonly string[];
}

/**
 * Caches the digests of secrets. An HMAC and a checksum cost some 2.5 µs, a plain hash 0.3. So the cache is keyed by a
 * hash of the secret under a salt of this process, and keeps no secret. Malformed credentials are not cached.
 *
 * While there are imported keys, a secret may have any form. Then the digests of the forms that it can have been
 * imported in are made too, once for each secret.
 */
export class DigestMemory {
  readonly #salt = randomBytes(16).toString('latin1');
  readonly #digests = new Map<string, Digests>();

  /** `mayBeImported`: whether there may be imported keys at this moment. */
  constructor(
    private readonly peppers: Peppers,
    private readonly mayBeImported: () => boolean = () => false,
  ) {}

  /** The digests of a secret; null for a credential that no key can have: malformed, or with a wrong checksum. */
  digestsOf(credential: string): Digests | null {
    const name = hash('sha256', this.#salt + credential, 'latin1');
    const known = this.#digests.get(name);
    if (known !== undefined && (known.imported !== undefined || !this.mayBeImported())) return known;
    const made = this.#make(credential);
    if (made === null) return null;
    const further = everyDigest(made).slice(1);
    const digests = further.length === 0 ? made : { ...made, further };
    if (this.#digests.size >= REMEMBERED_MAX) this.#digests.clear();
    this.#digests.set(name, digests);
    return digests;
  }

  #make(credential: string): Digests | null {
    const imported =
      this.mayBeImported() && canBeImported(credential) ? importedDigests(credential, this.peppers) : null;
    if (hasSecretForm(credential)) {
      const [present, previous] = this.peppers;
      return {
        present: digestSecret(credential, present),
        previous: previous === undefined ? null : digestSecret(credential, previous),
        ...(imported !== null && { imported, isOurs: true as const }),
      };
    }
    const [first, ...others] = imported ?? [];
    return first === undefined ? null : { ...first, imported: others };
  }
}

/**
 * The digests under which a stored snapshot may be believed. A key of ours goes before one that was imported with the
 * same secret, also after its end: its tombstone may be lost while the other snapshot is there, so that only the
 * authority can say whether there was one.
 */
export function storedDigests({ present, previous, imported, isOurs }: Digests): readonly string[] {
  return everyDigest({ present, previous, ...(imported !== undefined && isOurs !== true && { imported }) });
}

/** All digests that the key of a secret can have, the likeliest first. */
export function everyDigest({ present, previous, imported = [] }: Digests): readonly string[] {
  if (previous === null && imported.length === 0) return [present];
  return [{ present, previous }, ...imported].flatMap((each) =>
    each.previous === null ? [each.present] : [each.present, each.previous],
  );
}
