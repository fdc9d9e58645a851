/** What V8 writes for `--cpu-prof`. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Time spent in one function itself, not in what it called. */
export interface SelfTime {
  readonly name: string;
  /** The last three parts of the file's path and the line, empty for V8's own. */
  readonly place: string;
  /** Of all time that was not idle, 0 to 1. */
  readonly share: number;
}

/** The dearest functions by self time, of the time that the process was not idle. */
export function selfTimes(profileJson: string, most: number): SelfTime[] {
  const { nodes, samples, timeDeltas } = JSON.parse(profileJson) as CpuProfile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, { name: string; place: string; time: number }>();
  let busy = 0;
  samples.forEach((id, n) => {
    const { functionName, url, lineNumber } = frames.get(id)!;
    if (functionName === '(idle)') return;
    const time = timeDeltas[n]!;
    busy += time;
    const place = url === '' ? '' : `${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
    const key = `${functionName} ${place}`;
    const known = times.get(key) ?? { name: functionName || '(anonymous)', place, time: 0 };
    known.time += time;
    times.set(key, known);
  });
  return [...times.values()].sort((a, b) => b.time - a.time).slice(0, most).map(({ name, place, time }) => ({ name, place, share: time / busy }));
}
