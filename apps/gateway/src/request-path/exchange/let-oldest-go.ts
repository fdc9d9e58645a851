/** Lets the oldest entry go where there are `max` of them: to be called before one is added. */
export function letOldestGo(entries: Map<string, unknown> | Set<string>, max: number): void {
  if (entries.size < max) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}
