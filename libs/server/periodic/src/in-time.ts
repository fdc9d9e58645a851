/**
 * What `work` comes to or, if that takes longer than `ms` milliseconds, what `late` gives or throws then. The work goes
 * on, and a failure of it after that is told nobody.
 *
 * @example
 * const waited = await inTime(askDatabase(), 500, () => null);
 */
export async function inTime<Done, Late>(work: Promise<Done>, ms: number, late: () => Late): Promise<Done | Late> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    // Wrapped, so that no outcome of the work passes for the timer's.
    const first = await Promise.race([work.then((done) => ({ done })), tooLate]);
    return first === 'late' ? late() : first.done;
  } finally {
    clearTimeout(timer);
  }
}
