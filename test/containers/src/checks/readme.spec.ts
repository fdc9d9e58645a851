import { describe, expect, it } from 'vitest';
import { dockerRunLines } from './readme.js';

describe('the `docker run` lines of a page', () => {
  it('are whole commands of code blocks, with their variables in front', () => {
    const page = [
      'Not `docker run in-text`.',
      '```sh',
      'docker build .',
      'docker run --init \\',
      '  --name tollgate image',
      'KEY=a docker run -d image',
      '```',
      '```text',
      'docker run not-a-command',
      '```',
      '',
    ].join('\n');
    expect(dockerRunLines(page)).toEqual(['docker run --init --name tollgate image', 'KEY=a docker run -d image']);
  });

  it('are none where there are none', () => {
    expect(dockerRunLines('# A page\n')).toEqual([]);
  });
});
