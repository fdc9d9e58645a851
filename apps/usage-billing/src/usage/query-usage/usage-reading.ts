import {
  LENGTHS_MS,
  roundedDown,
  roundedUp,
  usageParts,
  type KeptSince,
  type PartSource,
  type Span,
  type UsagePart,
} from './usage-parts.js';

/** What the sums of some buckets are read from. */
export interface UsageReading {
  /** Where the buckets of `parts` begin. The bounds that are asked for may lie beside them: `edges` are between. */
  readonly starts: readonly number[];
  readonly parts: readonly UsagePart[];
  readonly edges: readonly UsageEdges[];
}

/** The edges of a reading that are read from one source, in their order. */
export interface UsageEdges {
  readonly source: PartSource;
  readonly spans: readonly EdgeSpan[];
}

/** A span that the bucket before a bound has too much or too little, and the bucket behind it the other way round. */
interface EdgeSpan extends Span {
  /** The number of the bound: bucket n, from 1 on, lies between bound n - 1 and bound n. */
  readonly bound: number;
  /** What it adds to the bucket before the bound: 1, or -1 to take away. */
  readonly factor: 1 | -1;
}

/** The units whose rows stand for buckets that begin beside them. They are kept for good. */
const ROUNDED_TO = ['month', 'day'] as const;
type RoundedTo = (typeof ROUNDED_TO)[number];

const FINER = {
  month: ['day', 'six_hours', 'hour', 'quarter', 'minute'],
  day: ['six_hours', 'hour', 'quarter', 'minute'],
} as const satisfies Record<RoundedTo, readonly (keyof typeof LENGTHS_MS)[]>;

/**
 * The reading with the fewest rows. A day of Berlin, say, is a day of UTC, with the hour before it and without its last
 * hour: three rows instead of twenty-four. So a year by day costs nearly as little in every time zone.
 */
export function usageReading(bounds: readonly number[], keptSince: KeptSince): UsageReading {
  const plain: UsageReading = { starts: bounds.slice(0, -1), parts: usageParts(bounds, keptSince), edges: [] };
  const rounded = ROUNDED_TO.flatMap((unit) => roundedReading(bounds, unit, keptSince) ?? []);
  return [plain, ...rounded].reduce((least, each) => (rowsOf(each) < rowsOf(least) ? each : least));
}

/** Null where there would be nothing but edges, of which the last bucket may be: a series ends anywhere in a day. */
function roundedReading(bounds: readonly number[], unit: RoundedTo, keptSince: KeptSince): UsageReading | null {
  const rounded = bounds.map((bound) => nearest(bound, unit));
  const [fromMs, toMs] = [rounded[0]!, rounded.at(-1)!];
  if (fromMs === toMs || fromMs < (keptSince[unit] ?? -Infinity)) return null;
  const bySource = new Map<PartSource, EdgeSpan[]>();
  bounds.forEach((bound, n) => {
    for (const { source, ...span } of edgeOf(rounded[n]!, bound, FINER[unit], keptSince)) {
      const spans = bySource.get(source) ?? [];
      spans.push({ ...span, bound: n });
      bySource.set(source, spans);
    }
  });
  return {
    starts: rounded.slice(0, -1),
    parts: [{ source: unit, spans: [{ fromMs, toMs }] }],
    edges: [...bySource].map(([source, spans]) => ({ source, spans })),
  };
}

type Edge = Omit<EdgeSpan, 'bound'> & { readonly source: PartSource };

/** From a moment to a bound in rows of longer and then of shorter units, some of them back again. */
function edgeOf(
  fromMs: number,
  bound: number,
  units: readonly (keyof typeof LENGTHS_MS)[],
  keptSince: KeptSince,
): readonly Edge[] {
  if (fromMs === bound) return [];
  const [unit, ...shorter] = units;
  const toMs = unit === undefined ? bound : nearest(bound, unit);
  const [lower, upper] = fromMs < toMs ? [fromMs, toMs] : [toMs, fromMs];
  if (unit !== undefined && (lower === upper || lower < (keptSince[unit] ?? -Infinity)))
    return edgeOf(fromMs, bound, shorter, keptSince);
  return [
    { source: unit ?? 'event', fromMs: lower, toMs: upper, factor: fromMs < toMs ? 1 : -1 },
    ...edgeOf(toMs, bound, shorter, keptSince),
  ];
}

function nearest(ms: number, unit: RoundedTo | keyof typeof LENGTHS_MS): number {
  const [down, up] = [roundedDown(ms, unit), roundedUp(ms, unit)];
  return ms - down < up - ms ? down : up;
}

/** Beyond these years there is no usage. */
const [FIRST_MS, LAST_MS] = [Date.UTC(2000, 0), Date.UTC(2200, 0)];
const MONTH_MS = 30.4 * LENGTHS_MS.day;
/** A busy organisation has an event each second: events are read where there is nothing else. */
const EVENT_MS = 1_000;

/** How many rows a reading has of each group, about. */
function rowsOf({ parts, edges }: UsageReading): number {
  return [...parts, ...edges].reduce((rows, { source, spans }) => {
    const length = source === 'month' ? MONTH_MS : source === 'event' ? EVENT_MS : LENGTHS_MS[source];
    const inSpans = (spans as readonly Span[]).map(
      ({ fromMs, toMs }) => (Math.min(toMs, LAST_MS) - Math.max(fromMs, FIRST_MS)) / length,
    );
    return rows + inSpans.reduce((sum, each) => sum + each, 0);
  }, 0);
}
