import { describe, expect, it } from 'vitest';
import { readIfMatch } from './entity-tag.js';
import { Problem } from './problem.js';

/** Whether a change is made to version 7. */
function outcome(header: string | undefined): string {
  try {
    readIfMatch(header).holdsFor(7);
    return 'made';
  } catch (error) {
    return error instanceof Problem ? `${error.code}${error.detail?.includes('weak') ? ', weak' : ''}` : String(error);
  }
}

describe('If-Match', () => {
  it.each([
    [undefined, 'made'],
    ['"7"', 'made'],
    [' "7"\t', 'made'],
    ['*', 'made'],
    [' * ', 'made'],
    ['"1", "7"', 'made'],
    ['"1","7","9"', 'made'],
    [',, "7" ,', 'made'],
    ['W/"7", "7"', 'made'],
    ['"a,b", "7"', 'made'],
    ['"6"', 'precondition_failed'],
    ['"*"', 'precondition_failed'],
    ['"7-gzip"', 'precondition_failed'],
    ['"07"', 'precondition_failed'],
    ['""', 'precondition_failed'],
    ['"7,"', 'precondition_failed'],
    ['W/"7"', 'precondition_failed, weak'],
    ['W/"6"', 'precondition_failed'],
    ['"1", W/"7"', 'precondition_failed, weak'],
    ['7', 'invalid_request'],
    ['', 'invalid_request'],
    [',', 'invalid_request'],
    ['*, "7"', 'invalid_request'],
    ['"7', 'invalid_request'],
    ['"7" "8"', 'invalid_request'],
    ['w/"7"', 'invalid_request'],
    ['W/ "7"', 'invalid_request'],
    ['"7 "', 'invalid_request'],
  ])('%j: %s', (header, expected) => {
    expect(outcome(header)).toBe(expected);
  });

  it('reads a long list in a moment', () => {
    expect(outcome(`${'"1",'.repeat(4_000)}"7"`)).toBe('made');
    expect(outcome(`${' '.repeat(16_000)}x`)).toBe('invalid_request');
  });
});
