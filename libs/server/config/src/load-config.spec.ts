import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, ConfigFileMissing, loadConfig } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-load-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'config.yaml');

const GOOD = `providers:
  - {name: openai, base_url: 'https://api.openai.com/v1', credential: '\${env:OPENAI_API_KEY}'}
routes:
  - {name: gpt, targets: [{provider: openai, model: gpt-4o}]}
`;
const load = (content: string | Uint8Array) => {
  writeFileSync(path, content);
  return loadConfig(path, () => undefined);
};
const faultOf = (content: string | Uint8Array): Error => {
  try {
    load(content);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was taken');
};
/** Nine aliases of nine aliases, and so on: what they stand for has 9 to the power of 9 items. */
const BOMB = ['a: &a [x]', ...[...'bcdefghij'].map((name, at) => `${name}: &${name} [${nine('abcdefghi'[at]!)}]`)].join(
  '\n',
);
function nine(name: string): string {
  return Array.from({ length: 9 }, () => `*${name}`).join(',');
}

describe('config.yaml', () => {
  it.each([
    ['with a byte order mark', `\uFEFF${GOOD}`],
    ['with line ends of Windows', GOOD.replaceAll('\n', '\r\n')],
    ['with anchors', GOOD.replace('targets: [', 'targets: &t [').concat('  - {name: other, targets: *t}\n')],
    ['that names its version', `%YAML 1.2\n---\n${GOOD}`],
  ])('is read %s', (_, content) => {
    expect(load(content).providers).toMatchObject([{ name: 'openai' }]);
  });

  it.each<[string, string | Uint8Array, string]>([
    ['of one byte without meaning', Buffer.from([0xff]), 'it is not text in UTF-8'],
    ['in UTF-16, as PowerShell writes it', Buffer.from(`\uFEFF${GOOD}`, 'utf16le'), 'it is not text in UTF-8'],
    ['in Latin-1', Buffer.from(GOOD.replace('gpt,', 'caf\u00e9,'), 'latin1'), 'it is not text in UTF-8'],
    ['of blanks', ' \n\t\n', 'it is empty'],
  ])('is refused in a sentence where it is a file %s', (_, content, reason) => {
    const fault = faultOf(content);
    expect(fault).toBeInstanceOf(ConfigFileMissing);
    expect(fault.message).toBe(
      `cannot read the configuration file ${path}: ${reason} (TOLLGATE_CONFIG names another one)`,
    );
  });

  it('is refused in a sentence where it has no end, or is a folder', () => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    for (const [file, reason] of [
      [path, 'it has more than 16777216 bytes'],
      ['/dev/zero', 'it has more than 16777216 bytes'],
      [folder, 'it is a folder'],
    ] as const)
      expect(() => loadConfig(file, () => undefined)).toThrow(reason);
    rmSync(path);
  });

  it.each([
    ['a bomb of aliases', BOMB, '2:8 is not valid YAML: aliases stand for too much'],
    [
      'an alias of nothing',
      'providers: []\nroutes: *gone\n',
      '2:9 is not valid YAML: alias without an anchor before it',
    ],
    ['an alias before its anchor', 'a: *b\nb: &b 1\n', '1:4 is not valid YAML: alias without an anchor before it'],
    ['an alias of itself', 'providers: []\nroutes: &r [*r]\n', 'routes[0] must be an object'],
    ['a tab before a field', GOOD.replace('  - {name: gpt', '\t- {name: gpt'), '4:1 is not valid YAML: tab as indent'],
    ['a field twice', `${GOOD}routes: []\n`, '5:1 is not valid YAML: duplicate key'],
    ['two documents', `${GOOD}---\n${GOOD}`, '5:1 is not valid YAML: multiple docs'],
    ['a tag of JavaScript', 'providers: !!js/function "x"\n', '1:12 is not valid YAML: tag resolve failed'],
    ['a template that nobody has filled in', 'providers: {{ .Values.x }}\n', 'providers must be a list'],
    ['more brackets than anybody opens', `routes: ${'['.repeat(20_000)}`, 'is not valid YAML: resource exhaustion'],
    ['a field that nobody knows', `${GOOD}trusted_proxy: []\n`, '5:1 trusted_proxy unknown field'],
    ['the name of a prototype', `${GOOD}__proto__: {a: 1}\n`, '5:1 __proto__ unknown field'],
    ['a page of a server', '<html>404</html>', '1:1 must be an object'],
  ])('is refused by line where it has %s', (_, content, problem) => {
    const fault = faultOf(content);
    expect(fault).toBeInstanceOf(ConfigError);
    expect(fault.message).toContain(problem);
  });
});
