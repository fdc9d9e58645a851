import { describe, expect, it } from 'vitest';
import { shows, stepResults, tourOf, tourScript } from './tour.js';

const readme = `# Tollgate
\`\`\`sh
not part of it
\`\`\`
<!-- tour:start -->
Make a key.

\`\`\`sh
KEY=$(make)   # kept for later
echo "$KEY"
# => sk-…
\`\`\`

\`\`\`json
{"no": "command"}
\`\`\`

\`\`\`sh
call \\
  --again
# => "usage": {…}
# => done
end
\`\`\`
<!-- tour:end -->
`;

describe('the tour of a README', () => {
  it('has the commands of its sh blocks, with what each is to print', () => {
    expect(tourOf(readme)).toEqual([
      { commands: 'KEY=$(make)   # kept for later\necho "$KEY"', expected: ['sk-…'] },
      { commands: 'call \\\n  --again', expected: ['"usage": {…}', 'done'] },
      { commands: 'end', expected: [] },
    ]);
  });

  it('must be there', () => {
    expect(() => tourOf('# no tour')).toThrow('no tour');
    expect(() => tourOf('<!-- tour:start --><!-- tour:end -->')).toThrow('no commands');
  });

  it('says after each step how it ended', () => {
    expect(tourScript([{ commands: 'true', expected: [] }], 'MARK')).toBe(`true\nprintf '\\nMARK %s\\n' "$?"\n`);
    expect(stepResults('one\n\nMARK 0\ntwo\nMARK 7\ncut', 'MARK')).toEqual([
      { output: 'one\n', code: 0 },
      { output: 'two', code: 7 },
    ]);
  });

  it('shows texts in their order, with anything between', () => {
    expect(shows('{"a": 1, "b": 2}', ['"a": …', '2}'])).toBe(true);
    expect(shows('{"a": 1, "b": 2}', ['"b"', '"a"'])).toBe(false);
    expect(shows('anything', [])).toBe(true);
  });
});
