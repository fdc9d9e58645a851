import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import type { InFlight } from '../exchange/in-flight.js';
import type { KeyCache } from './key-cache.js';

/**
 * Asks about the keys of requests under way, where a change of them may have been missed or cannot be read here: a
 * tombstone that is found then ends them as one that is heard. One question at a time, so that a gap is no flood.
 */
export function askAboutMissedChanges(
  snapshots: Pick<KeySnapshotReader, 'follow'>,
  keys: KeyCache,
  inFlight: InFlight,
): void {
  const ask = async (digests: Iterable<string>): Promise<void> => {
    // They were good once, so that no allowance of an address is asked.
    for (const digest of digests) await keys.identify(digest, '');
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
