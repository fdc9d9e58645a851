import type { KeySnapshot, OrganizationSnapshot } from '../api-key/index.js';
import { digest, id, keySnapshot, organizationSnapshot } from '../contracts/index.js';

/**
 * The content of an entry of the change stream. `unknown` is a key in a form that only a later release can read;
 * `unreadable` is an entry that does not even name the key's digests.
 */
export type KeyChangeRead =
  | { readonly kind: 'snapshot'; readonly snapshot: KeySnapshot }
  | { readonly kind: 'unknown'; readonly digests: readonly string[] }
  | { readonly kind: 'unreadable' };

/** Reads a stored snapshot; null if it cannot be read. */
export function readSnapshot(json: string): KeySnapshot | null {
  return snapshotIn(parsedOrUndefined(json));
}

/**
 * Reads a change of a key. If only its digests can be read, they are returned, so that a gateway drops this key alone
 * from its cache: the change that it does not understand may be a revoke.
 */
export function readChange(json: string): KeyChangeRead {
  const value = parsedOrUndefined(json);
  const snapshot = snapshotIn(value);
  // Without digests no cached key could be dropped.
  if (snapshot !== null && snapshot.digests.length > 0) return { kind: 'snapshot', snapshot };
  const digests = digestsIn(value);
  return digests === null ? { kind: 'unreadable' } : { kind: 'unknown', digests };
}

/** Reads a stored snapshot of an organisation; null if it cannot be read. */
export function readOrganizationSnapshot(json: string): OrganizationSnapshot | null {
  const read = organizationSnapshot.safeParse(parsedOrUndefined(json));
  return read.success ? read.data : null;
}

/** The content of an entry of the change stream about an organisation; see `KeyChangeRead`. */
export type OrganizationChangeRead =
  | { readonly kind: 'snapshot'; readonly snapshot: OrganizationSnapshot }
  | { readonly kind: 'unknown'; readonly organizationId: string }
  | { readonly kind: 'unreadable' };

/** Reads a change of an organisation. If only the id can be read, a gateway drops that organisation alone. */
export function readOrganizationChange(json: string): OrganizationChangeRead {
  const snapshot = readOrganizationSnapshot(json);
  if (snapshot !== null) return { kind: 'snapshot', snapshot };
  const whose = id.safeParse((parsedOrUndefined(json) as { organizationId?: unknown } | null)?.organizationId);
  return whose.success ? { kind: 'unknown', organizationId: whose.data } : { kind: 'unreadable' };
}

const digests = digest.array().min(1);

/** Null unless there is a digest and all can be read: one that cannot be read might belong to any key. */
function digestsIn(value: unknown): readonly string[] | null {
  const read = digests.safeParse((value as { digests?: unknown } | null | undefined)?.digests);
  return read.success ? read.data : null;
}

function snapshotIn(value: unknown): KeySnapshot | null {
  const read = keySnapshot.safeParse(value);
  return read.success ? read.data : null;
}

function parsedOrUndefined(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
