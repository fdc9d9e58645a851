/** What V8 writes for `--cpu-prof`; times in microseconds of the system's monotonic clock. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** From and to, in microseconds of the same clock: `process.hrtime`'s. */
export type Period = readonly [from: number, to: number];

export interface Cost {
  readonly name: string;
  /** Of all time that was not idle, 0 to 1. */
  readonly share: number;
}

export interface ProfileSummary {
  /** Time spent in a function itself, not in what it called; with the place of the function. */
  readonly functions: readonly Cost[];
  /** The same by package, or folder of ours: what Node.js and the system did is counted to whom they did it for. */
  readonly parts: readonly Cost[];
}

/** The dearest functions and parts, in these periods only. */
export function summarizeProfile(profileJson: string, periods: readonly Period[], most: number): ProfileSummary {
  const profile = JSON.parse(profileJson) as CpuProfile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const partOf = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const part = partOfFile(nodes.get(at)!.callFrame.url);
      if (part !== null) return part;
    }
    const { functionName, url } = nodes.get(id)!.callFrame;
    return url === '' && functionName.startsWith('(') ? functionName : 'Node.js for itself';
  };
  const times = timesById(profile, periods);
  for (const id of times.keys()) if (nodes.get(id)!.callFrame.functionName === '(idle)') times.delete(id);
  return {
    functions: dearest(times, (id) => nameOf(nodes.get(id)!), most),
    parts: dearest(times, partOf, most),
  };
}

function timesById({ startTime, samples, timeDeltas }: CpuProfile, periods: readonly Period[]): Map<number, number> {
  const times = new Map<number, number>();
  let at = startTime;
  samples.forEach((id, n) => {
    at += timeDeltas[n]!;
    if (periods.some(([from, to]) => at >= from && at <= to)) times.set(id, (times.get(id) ?? 0) + timeDeltas[n]!);
  });
  return times;
}

function dearest(times: ReadonlyMap<number, number>, label: (id: number) => string, most: number): Cost[] {
  const sums = new Map<string, number>();
  let all = 0;
  for (const [id, time] of times) {
    all += time;
    const name = label(id);
    sums.set(name, (sums.get(name) ?? 0) + time);
  }
  return [...sums]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name, time]) => ({ name, share: time / all }));
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  return `${functionName || '(anonymous)'}${url === '' ? '' : `  ${shortened(url)}:${lineNumber + 1}`}`;
}

/** The package, or the folder in the repository; null for Node.js's own. */
function partOfFile(url: string): string | null {
  const inPackage = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return inPackage ?? /\/((?:apps|libs|test)\/.*)\/[^/]+$/.exec(url)?.[1] ?? null;
}

/** A file by its package, or by its place in the repository. */
function shortened(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(?=(?:apps|libs|test)\/)/, '');
}
