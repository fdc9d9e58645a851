/** Removes the oldest entry if there are `max` entries. Call it before adding one. */
export function evictOldest(entries: Map<string, unknown> | Set<string>, max: number): void {
  if (entries.size < max) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}
