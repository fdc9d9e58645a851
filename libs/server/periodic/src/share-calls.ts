/**
 * Merges concurrent calls with the same key into one call, whose result or error all callers get. A call after it has
 * ended starts anew.
 *
 * @example
 * const openEpoch = shareCalls((organizationId: string) => api.openEpoch(organizationId));
 */
export function shareCalls<Answer>(work: () => Promise<Answer>): () => Promise<Answer>;
export function shareCalls<Key, Answer>(work: (key: Key) => Promise<Answer>): (key: Key) => Promise<Answer>;
export function shareCalls<Key, Answer>(work: (key: Key) => Promise<Answer>): (key: Key) => Promise<Answer> {
  const underway = new Map<Key, Promise<Answer>>();
  return (key) => {
    const known = underway.get(key);
    if (known !== undefined) return known;
    const call = work(key).finally(() => underway.delete(key));
    underway.set(key, call);
    return call;
  };
}
