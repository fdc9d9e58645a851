/**
 * Waits for `work` and sends heartbeats meanwhile, so that the group does not take this member for dead. A
 * heartbeat that is refused (the group is rebalancing) rejects: at once with `abandon`, when the work may be
 * left alone; else when the work is over, since two members would do it at the same time.
 */
export async function keepingSession<T>(
  heartbeat: () => Promise<void>,
  everyMs: number,
  work: Promise<T>,
  { abandon = false } = {},
): Promise<T> {
  let refuse: (error: unknown) => void = () => undefined;
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  refused.catch(() => undefined);
  const timer = setInterval(() => {
    heartbeat().catch(refuse);
  }, everyMs);
  try {
    if (abandon) return await Promise.race([work, refused]);
    const result = await work;
    // A pending promise loses this race; a refusal that came meanwhile wins it.
    await Promise.race([refused, Promise.resolve()]);
    return result;
  } finally {
    clearInterval(timer);
  }
}
