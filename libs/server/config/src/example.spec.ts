import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigFileMissing, loadConfig, parseConfig } from './index.js';
import { configJsonSchema } from './json-schema.js';

const root = (name: string) => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
const noEnvironment = () => undefined;

describe('the config.yaml of the repository', () => {
  it('is a configuration, with its comments and without', () => {
    const config = loadConfig(root('config.yaml'), noEnvironment);
    expect(config.routes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['gpt-4o-mini', 'gpt-4o', 'support-bot']),
    );
    // The standalone's greeting names the first route for a call of chat.
    expect(config.routes[0]?.name).toBe('gpt-4o-mini');
    expect(config.providers).toMatchObject([
      { name: 'openai', credentialVariable: 'OPENAI_API_KEY', credential: null },
    ]);
    const uncommented = readFileSync(root('config.yaml'), 'utf8').replace(
      /^(\s*)# (?=- |  targets: |(?:allow_private_network|timeout_ms|first_byte_timeout_ms|limits|trusted_proxies): )/gm,
      '$1',
    );
    expect(parseConfig(uncommented, { path: 'config.yaml', lookup: noEnvironment })).toMatchObject({
      providers: [{ allowPrivateNetwork: true }, { name: 'anthropic', type: 'anthropic', allowBetas: ['context-1m-'] }],
      limits: { bodyBytesMax: 33_554_432 },
      trustedProxies: [{ addresses: ['10.0.0.0/8'], header: 'x-forwarded-for' }],
    });
    expect(parseConfig(uncommented, { path: 'config.yaml', lookup: noEnvironment }).routes.at(-1)).toMatchObject({
      name: 'gpt-*',
      targets: [{ model: '*' }],
    });
  });
  it('has its schema beside it, up to date (vitest run --project unit libs/server/config --update writes it)', async () => {
    await expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(root('config.schema.json'));
    expect(readFileSync(root('config.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\/config\.schema\.json\n/,
    );
  });
});

describe('a file that is not there', () => {
  it('is named', () => {
    expect(() => loadConfig('/nowhere/config.yaml', noEnvironment)).toThrow(ConfigFileMissing);
    expect(() => loadConfig('/nowhere/config.yaml', noEnvironment)).toThrow(
      'cannot read the configuration file /nowhere/config.yaml: there is no such file',
    );
  });
});
