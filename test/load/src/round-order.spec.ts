import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partsOfRound, type Part } from './round-order.js';
import { scenariosNamed } from './scenarios.js';

const scenarios = scenariosNamed(['chat-1k', 'many-keys', 'refused']);
const planned = (round: number, seconds: number, compared: (name: string) => boolean = () => true): Part[][] =>
  partsOfRound(round, 'chat-1k', scenarios, { seconds, compared: ({ name }) => compared(name) });
const inWords = (groups: readonly Part[][]): string[] =>
  groups.map((parts) => {
    return parts.map(({ scenario, subject, seconds }) => `${scenario} ${subject} ${seconds}`).join(', ');
  });

describe('the load of a round', () => {
  it('is one window of each scenario and one of the floor, which goes first in every other round', () => {
    const gateways = ['chat-1k gateway 10', 'many-keys gateway 10', 'refused gateway 10', 'refused-form gateway 10'];
    expect(inWords(planned(0, 10, () => false))).toEqual(['chat-1k floor 10', ...gateways]);
    expect(inWords(planned(1, 10, () => false))).toEqual([...gateways, 'chat-1k floor 10']);
  });
  it('changes between the builds every two seconds, and so does which of them goes first', () => {
    expect(inWords(planned(0, 4)).slice(0, 3)).toEqual([
      'chat-1k floor 4',
      'chat-1k gateway 2, chat-1k former 2, chat-1k former 2, chat-1k gateway 2',
      'many-keys former 2, many-keys gateway 2, many-keys gateway 2, many-keys former 2',
    ]);
    expect(inWords(planned(1, 4))[0]).toBe('chat-1k former 2, chat-1k gateway 2, chat-1k gateway 2, chat-1k former 2');
  });
  it('has none of the former build for what it cannot serve', () => {
    const plan = planned(0, 2, (name) => name !== 'refused');
    expect(inWords(plan)).toContain('refused gateway 2');
    expect(inWords(plan)).toContain('refused-form former 2, refused-form gateway 2');
  });
  it('keeps paced streams together, of which each takes as long as a turn', () => {
    const [paced] = scenariosNamed(['stream-64-paced']);
    const [parts] = partsOfRound(1, paced!.name, [paced!], { seconds: 10, compared: () => true });
    expect(parts!.map(({ seconds }) => seconds)).toEqual([10, 10]);
  });
  it('gives each build its whole window in turns of whole seconds, and the first turn equally often', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 0, max: 99 }), (seconds, round) => {
        const parts = planned(round, seconds)[round % 2 === 0 ? 1 : 0]!;
        for (const subject of ['gateway', 'former']) {
          const lengths = parts.filter((part) => part.subject === subject).map((part) => part.seconds);
          expect(lengths.reduce((sum, each) => sum + each, 0)).toBe(seconds);
          expect(lengths.every((length) => Number.isInteger(length) && length >= 1 && length <= 3)).toBe(true);
        }
        const firsts = parts.filter((_part, n) => n % 2 === 0).map(({ subject }) => subject);
        const ofGateway = firsts.filter((subject) => subject === 'gateway').length;
        expect(Math.abs(firsts.length - 2 * ofGateway)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
