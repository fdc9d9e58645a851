import fc from 'fast-check';
import { NO_DETAILS, type TokenUsage } from '@tollgate/usage';

/** Text that is not blank, now and then with line ends, quotes, and characters of two UTF-16 units. */
export const words: fc.Arbitrary<string> = fc
  .string({
    unit: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...'abc XYZ09"\\\n{}é😀') }, fc.string({ maxLength: 1 })),
  })
  .map((text) => `w${text}`);

/** A name that each maker takes for a tool. */
export const names: fc.Arbitrary<string> = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,39}$/);

/** A small JSON object, whose text is that of parsing and writing it again. */
export const objects: fc.Arbitrary<Readonly<Record<string, unknown>>> = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,6}$/),
  fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null), fc.array(words, { maxLength: 2 })),
  { maxKeys: 3, noNullPrototype: true },
);

const tokens = fc.nat(100_000);

/** Usage whose totals and slices fit each other; `writes` says whether input may be written to caches. */
export function usages({ writes }: { readonly writes: boolean }): fc.Arbitrary<TokenUsage> {
  return fc
    .record({ plain: tokens, read: tokens, written: writes ? tokens : fc.constant(0), thought: tokens, said: tokens })
    .map(({ plain, read, written, thought, said }) => ({
      inputTokens: plain + read + written,
      outputTokens: thought + said,
      cachedInputTokens: read,
      reasoningTokens: thought,
      ...(written === 0 ? {} : { details: { ...NO_DETAILS, cacheWrite5mTokens: written } }),
    }));
}
