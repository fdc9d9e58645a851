import type { BenchResult, Figures, ScenarioResult } from './results.js';
import type { Spread } from './statistics.js';

const head = ['scenario', '', 'req/s', 'CPU µs/req', 'range', '× floor', 'range', 'Redis µs', 'p50 ms', 'p99 ms', 'ttfb ms', 'gap p99', 'peak MB'];

/** The system itself takes up to a tenth of a core that is busy with the network. */
const DISTURBED_SHARE = 0.15;

/** The result as text: a row for the gateway and one for the floor, for each scenario, then what the books say. */
export function renderTable(result: BenchResult): string {
  const rows = result.scenarios.flatMap((scenario) => [row(scenario, 'gateway'), row(scenario, 'floor')]);
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((cells) => cells[column]!.length), title.length));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ').trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), '', ...remarks(result)].join('\n');
}

function row(scenario: ScenarioResult, who: 'gateway' | 'floor'): string[] {
  const figures: Figures = scenario[who];
  const ofGateway = who === 'gateway';
  return [
    ofGateway ? scenario.name : '', who, figures.requestsPerSecond.median.toFixed(0), figures.cpuMicroseconds.median.toFixed(1), range(figures.cpuMicroseconds, 1),
    ofGateway ? scenario.cpuRatio.median.toFixed(2) : '', ofGateway ? range(scenario.cpuRatio, 2) : '', ofGateway ? figures.redisCpuMicroseconds.median.toFixed(1) : '',
    figures.p50Ms.toFixed(2), figures.p99Ms.toFixed(2), figures.firstByteP50Ms.toFixed(2), figures.gapP99Ms?.toFixed(1) ?? '', (figures.peakMemoryBytes / 1e6).toFixed(0),
  ];
}

function range({ low, high }: Spread, digits: number): string {
  return `${low.toFixed(digits)}–${high.toFixed(digits)}`;
}

function remarks({ machine, options, others, scenarios, books }: BenchResult): string[] {
  const share = (part: number): string => `${(part * 100).toFixed(0)} %`;
  const cpuOf = (name: string): number | undefined => scenarios.find((scenario) => scenario.name === name)?.gateway.cpuMicroseconds.median;
  const [served, unknown, malformed] = [cpuOf('chat-1k'), cpuOf('refused'), cpuOf('refused-form')];
  const worst = Math.max(...scenarios.flatMap(({ gateway, floor }) => [gateway.othersShare, floor.othersShare]));
  return [
    ...(served === undefined ? [] : [['An unknown key', unknown], ['A failing checksum', malformed]] as const).flatMap(([what, cpu]) => (cpu === undefined ? [] : [`${what} costs ${(cpu / served!).toFixed(2)} × a served call (chat-1k).`])),
    `Books: ${books.atUpstream} requests at the upstream, ${books.booked} events, none missing; ${books.accounts} accounts at rest; caught up in ${books.caughtUpSeconds.toFixed(0)} s.`,
    `Requests: ${Object.entries(books.outcomes).map(([outcome, count]) => `${count} ${outcome}`).join(', ')}.`,
    `${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds'} of ${options.seconds} s, ${options.connections} connections, ${options.keys} keys; ${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}.`,
    `In other hands: before the run ${share(others.gatewayCore)} of the gateway's core and ${share(others.otherCore)} of the other; during it up to ${share(worst)} of the gateway's.`,
    ...(worst > DISTURBED_SHARE ? ['OTHERS USED THE MACHINE MEANWHILE: these figures are rough.'] : []),
    ...(others.overridden ? ['THE MACHINE WAS BUSY BEFORE THE RUN: these figures mean little.'] : []),
    ...(options.profiled ? ['THE GATEWAY WAS PROFILED: its figures are higher than they are without.'] : []),
  ];
}
