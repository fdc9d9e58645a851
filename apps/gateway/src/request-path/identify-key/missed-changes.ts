import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import type { InFlight } from '../exchange/in-flight.js';
import type { KeyCache } from './key-cache.js';

/**
 * Looks up the keys of all requests in flight, after changes may have been missed or could not be read. A tombstone
 * that is found then ends its requests as an announced one does. Looks up one key at a time, so that a gap causes no
 * flood.
 */
export function askAboutMissedChanges(
  snapshots: Pick<KeySnapshotReader, 'follow'>,
  keys: KeyCache,
  inFlight: InFlight,
): void {
  const ask = async (digests: Iterable<string>): Promise<void> => {
    // These keys were valid before, so no allowance of an address is needed.
    for (const digest of digests) await keys.identify({ present: digest, previous: null }, '');
  };
  snapshots.follow({
    changed: () => undefined,
    forget: (digests) => {
      const underWay = inFlight.digests();
      void ask(digests.filter((digest) => underWay.has(digest)));
    },
    gap: () => void ask(inFlight.digests()),
  });
}
