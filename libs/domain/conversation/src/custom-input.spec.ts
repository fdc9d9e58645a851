import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CustomInput } from './custom-input.js';
import { unwrapInput } from './custom-tools.js';
import { cutsOf } from './testing/events.js';
import { words } from './testing/words.js';

/** Ways to write the same arguments. */
const WRITERS: readonly (readonly [name: string, write: (input: string) => string])[] = [
  ['as short as can be', (input) => JSON.stringify({ input })],
  ['with spaces', (input) => ` { "input" :\n ${JSON.stringify(input)} , "more": [1] } `],
  ['in ASCII', (input) => JSON.stringify({ input }).replace(/[^\x20-\x7e]/g, escapeOf)],
  ['with slashes escaped', (input) => JSON.stringify({ input }).replaceAll('/', '\\/')],
  ['after another field', (input) => JSON.stringify({ reason: 'x', input })],
];

describe('the input of a custom tool', () => {
  it.each(WRITERS)('is read from arguments that are written %s, however they are cut', (_name, write) => {
    fc.assert(
      fc.property(
        words.chain((input) => fc.tuple(fc.constant(input), cutsOf(write(input)))),
        ([input, cuts]) => {
          expect(read(cuts).join('')).toBe(input);
        },
      ),
    );
  });

  it('is the same in pieces as in one, whatever the arguments are', () => {
    const argument = fc.oneof(
      fc.string(),
      fc.string().map((text) => `{"input":"${text}`),
    );
    fc.assert(
      fc.property(
        argument.chain((args) => fc.tuple(fc.constant(args), cutsOf(args))),
        ([args, cuts]) => {
          expect(read(cuts).join('')).toBe(unwrapInput(args));
        },
      ),
    );
  });

  it('comes with each piece, and never with half a character', () => {
    expect(read(['{"in', 'put":"a\\', 'nb', '\\ud83', 'd', '\\ude00', 'c"', '}'])).toEqual(['a', '\nb', '😀', 'c']);
  });

  it.each([
    ["is a function's own arguments if they have no input", '{"patch":"x"}', '{"patch":"x"}'],
    ['is text if the model wrote text', '*** Begin Patch', '*** Begin Patch'],
    ['is what has come if the arguments break off', '{"input":"half \\u00', 'half '],
    ['keeps line ends that were not escaped', '{"input":"a\nb"}', 'a\nb'],
    ['keeps an escape that is none', '{"input":"\\d+"}', '\\d+'],
    ['is empty if there is none', '', ''],
  ])('%s', (_name, args, input) => expect(unwrapInput(args)).toBe(input));
});

/** The texts that pieces give, without empty ones. */
function read(pieces: readonly string[]): readonly string[] {
  const input = new CustomInput();
  return [...pieces.map((piece) => input.take(piece)), input.end()].filter((text) => text !== '');
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
