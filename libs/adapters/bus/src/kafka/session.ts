/**
 * Waits for `work` and sends heartbeats meanwhile, so that this member's session does not expire. It rejects if a
 * heartbeat is refused because the group is rebalancing: at once with `abandon`, for work that may go on unattended;
 * else after the work has ended, so that no two members do it at the same time.
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
    // A refusal that came meanwhile wins this race; if there was none, `refused` is pending and loses it.
    await Promise.race([refused, Promise.resolve()]);
    return result;
  } finally {
    clearInterval(timer);
  }
}
