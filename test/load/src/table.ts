import type { Books } from './books.js';
import { WORSE_ABOVE } from './comparison.js';
import type { BenchResult, Figures, ScenarioResult } from './results.js';
import { FIVE_ACCOUNTS, inChat } from './scenarios.js';
import { spreadOf, type Spread } from './statistics.js';
import type { Window } from './window.js';

const columns = [
  'scenario',
  '',
  'req/s',
  'CPU µs/req',
  'range',
  '× floor',
  'range',
  'Redis µs',
  'p50 ms',
  'p99 ms',
  'ttfb ms',
  'gap p99',
];
/** CPU of the former build, this build's over it, and what follows: only of a run that had one. */
const columnsAgainst = ['against', '× against', 'range', 'verdict'];
const lastColumn = 'peak MB';

/** The system itself takes up to a tenth of a core that is busy with the network. */
const DISTURBED_SHARE = 0.15;

/** The result as text: a row for the gateway and one for the floor, for each scenario, then what the books say. */
export function renderTable(result: BenchResult): string {
  const head = [...columns, ...(result.against === null ? [] : columnsAgainst), lastColumn];
  const rows = result.scenarios.flatMap((scenario) =>
    (['gateway', 'floor'] as const).map((who) => {
      const against = result.against === null ? [] : cellsAgainst(scenario, who);
      return [...row(scenario, who), ...against, (scenario[who].peakMemoryBytes / 1e6).toFixed(0)];
    }),
  );
  const widths = head.map((title, column) => Math.max(...rows.map((cells) => cells[column]!.length), title.length));
  const pad = (cell: string, column: number): string => {
    return column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  };
  const line = (cells: readonly string[]): string => cells.map(pad).join('  ').trimEnd();
  const remarks = [...remarksAgainst(result), ...remarksOnRun(result)];
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), '', ...remarks].join('\n');
}

function row(scenario: ScenarioResult, who: 'gateway' | 'floor'): string[] {
  const figures: Figures = scenario[who];
  const ofGateway = who === 'gateway';
  return [
    ofGateway ? scenario.name : '',
    who,
    figures.requestsPerSecond.median.toFixed(0),
    figures.cpuMicroseconds.median.toFixed(1),
    range(figures.cpuMicroseconds, 1),
    ofGateway ? scenario.cpuRatio.median.toFixed(2) : '',
    ofGateway ? range(scenario.cpuRatio, 2) : '',
    ofGateway ? figures.redisCpuMicroseconds.median.toFixed(1) : '',
    figures.p50Ms.toFixed(2),
    figures.p99Ms.toFixed(2),
    figures.firstByteP50Ms.toFixed(2),
    figures.gapP99Ms?.toFixed(1) ?? '',
  ];
}

function cellsAgainst({ against }: ScenarioResult, who: 'gateway' | 'floor'): string[] {
  if (who === 'floor' || against === null) return columnsAgainst.map(() => '');
  if (against.verdict === 'not compared') return ['', '', '', against.verdict];
  const { former, cpuRatio, verdict } = against;
  return [former.cpuMicroseconds.median.toFixed(1), cpuRatio.median.toFixed(3), range(cpuRatio, 3), verdict];
}

function remarksAgainst({ against, scenarios }: BenchResult): string[] {
  if (against === null) return [];
  const worse = scenarios.filter((scenario) => scenario.against?.verdict === 'worse').map(({ name }) => name);
  const notCompared = scenarios.flatMap(({ name, against: each }) => {
    return each?.verdict === 'not compared' ? [`${name} (${each.why})`] : [];
  });
  return [
    worse.length === 0
      ? `Against ${against.folder}: no scenario is worse; a median above ${WORSE_ABOVE} would be.`
      : `WORSE THAN ${against.folder}, by a median above ${WORSE_ABOVE}: ${worse.join(', ')}.`,
    ...notCompared.map((each) => `Not compared, for the former build cannot serve it: ${each}.`),
    `Its books: ${booksInWords(against.books)}.`,
  ];
}

function booksInWords({ atUpstream, booked, accounts, caughtUpSeconds }: Books): string {
  return (
    `${atUpstream} requests at the upstream, ${booked} events, none missing; ${accounts} accounts at rest; ` +
    `caught up in ${caughtUpSeconds.toFixed(0)} s`
  );
}

function range({ low, high }: Spread, digits: number): string {
  return `${low.toFixed(digits)}–${high.toFixed(digits)}`;
}

/** What a call under five accounts costs beside one under two, round by round. */
function remarksOnAccounts(scenarios: readonly ScenarioResult[]): string[] {
  const [two, five] = ['chat-1k', FIVE_ACCOUNTS].map((name) => scenarios.find((each) => each.name === name));
  if (two === undefined || five === undefined) return [];
  const times = (cost: (window: Window) => number): string => {
    const spread = spreadOf(
      five.windows.gateway.map((window, round) => cost(window) / cost(two.windows.gateway[round]!)),
    );
    return `${spread.median.toFixed(2)} × (${range(spread, 2)})`;
  };
  const both = times(({ cpuMicroseconds, redisCpuMicroseconds }) => cpuMicroseconds + redisCpuMicroseconds);
  const redis = times(({ redisCpuMicroseconds }) => redisCpuMicroseconds);
  return [
    `Five accounts cost ${both} the CPU of gateway and Redis that two do (chat-1k), ${redis} that of Redis alone.`,
  ];
}

function remarksOnRun({ machine, options, others, scenarios, books }: BenchResult): string[] {
  const share = (part: number): string => `${(part * 100).toFixed(0)} %`;
  const cpuOf = (name: string): number | undefined =>
    scenarios.find((scenario) => scenario.name === name)?.gateway.cpuMicroseconds.median;
  const [served, unknown, malformed] = [cpuOf('chat-1k'), cpuOf('refused'), cpuOf('refused-form')];
  const measured = scenarios.flatMap(({ gateway, floor, against }) => {
    return against !== null && 'former' in against ? [gateway, floor, against.former] : [gateway, floor];
  });
  const worst = Math.max(...measured.map(({ othersShare }) => othersShare));
  return [
    ...(served === undefined
      ? []
      : ([
          ['An unknown key', unknown],
          ['A failing checksum', malformed],
        ] as const)
    ).flatMap(([what, cpu]) =>
      cpu === undefined ? [] : [`${what} costs ${(cpu / served!).toFixed(2)} × a served call (chat-1k).`],
    ),
    ...scenarios.flatMap(({ name, gateway }) => {
      const chat = inChat(name);
      const cpu = chat === null ? undefined : cpuOf(chat);
      if (cpu === undefined) return [];
      return [`${name} costs ${(gateway.cpuMicroseconds.median / cpu).toFixed(2)} × ${chat}.`];
    }),
    ...remarksOnAccounts(scenarios),
    `Books: ${booksInWords(books)}.`,
    `Requests: ${Object.entries(books.outcomes)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', ')}.`,
    `${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds'} of ${options.seconds} s, ${options.connections} connections, ${options.keys} keys; ${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}.`,
    `In other hands: before the run ${share(others.gatewayCore)} of the gateway's core and ${share(others.otherCore)} of the other; during it up to ${share(worst)} of the gateway's.`,
    ...(worst > DISTURBED_SHARE ? ['OTHERS USED THE MACHINE MEANWHILE: these figures are rough.'] : []),
    ...(others.overridden ? ['THE MACHINE WAS BUSY BEFORE THE RUN: these figures mean little.'] : []),
    ...(options.profiled ? ['THE GATEWAY WAS PROFILED: its figures are higher than they are without.'] : []),
  ];
}
