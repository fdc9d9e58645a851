import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import { digest, id, keySnapshot, organizationSnapshot } from '@tollgate/contracts';

/**
 * What an entry of the change stream says. `unknown` is a key in a form that only a later release can read,
 * `unreadable` what does not even say whose change it is.
 */
export type KeyChangeRead =
  | { readonly kind: 'snapshot'; readonly snapshot: KeySnapshot }
  | { readonly kind: 'unknown'; readonly digests: readonly string[] }
  | { readonly kind: 'unreadable' };

/** A stored snapshot; null where it cannot be read. */
export function readSnapshot(json: string): KeySnapshot | null {
  return snapshotIn(parsedOrUndefined(json));
}

/**
 * A change of a key. Whatever else is in it, a key whose digests can be read is named by them, so that a gateway
 * forgets it and no other: what it does not understand may well be a revoke.
 */
export function readChange(json: string): KeyChangeRead {
  const value = parsedOrUndefined(json);
  const snapshot = snapshotIn(value);
  // A key without digests is one nobody could be told to forget.
  if (snapshot !== null && snapshot.digests.length > 0) return { kind: 'snapshot', snapshot };
  const digests = digestsIn(value);
  return digests === null ? { kind: 'unreadable' } : { kind: 'unknown', digests };
}

/** A stored snapshot of an organisation; null where it cannot be read. */
export function readOrganizationSnapshot(json: string): OrganizationSnapshot | null {
  const read = organizationSnapshot.safeParse(parsedOrUndefined(json));
  return read.success ? read.data : null;
}

/** What an entry of the change stream says of an organisation; as `KeyChangeRead`. */
export type OrganizationChangeRead =
  | { readonly kind: 'snapshot'; readonly snapshot: OrganizationSnapshot }
  | { readonly kind: 'unknown'; readonly organizationId: string }
  | { readonly kind: 'unreadable' };

/** A change of an organisation; one that says at least whose it is costs that organisation alone. */
export function readOrganizationChange(json: string): OrganizationChangeRead {
  const snapshot = readOrganizationSnapshot(json);
  if (snapshot !== null) return { kind: 'snapshot', snapshot };
  const whose = id.safeParse((parsedOrUndefined(json) as { organizationId?: unknown } | null)?.organizationId);
  return whose.success ? { kind: 'unknown', organizationId: whose.data } : { kind: 'unreadable' };
}

const digests = digest.array().min(1);

/** Null unless there are some and all can be read: one that cannot may be of any key. */
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
