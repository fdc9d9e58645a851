import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listenerFields, parseConfig } from './index.js';

const PAGE = readFileSync(new URL('../../../../docs/behind-a-proxy.md', import.meta.url), 'utf8');
const recipeOf = new Map(
  PAGE.split(/^## /m).map((section) => {
    const [title = ''] = section.split('\n', 1);
    return [title, [...section.matchAll(/```\w+\n([^]*?)```/g)].map(([, text = '']) => text).join('\n')] as const;
  }),
);

const CONFIG = `
providers: [{name: a, type: openai, base_url: 'https://a.example/v1', credential: '\${env:A}'}]
routes: [{name: a, targets: [{provider: a, model: a}]}]
prices: [{provider: a, model: a, input_usd_per_million: 1, output_usd_per_million: 1}]
`;
const config = parseConfig(CONFIG, {
  path: 'config.yaml',
  lookup: () => 'credential',
  readSecret: () => ({ fault: 'a file that does not exist', isAbsent: true }),
});
const callSeconds = config.providers[0]!.timeoutMs / 1_000;
/** A request may take two minutes until it is whole. */
const requestSeconds = 120;
const keepAliveSeconds = listenerFields.TOLLGATE_KEEP_ALIVE_SECONDS.parse(undefined);

/** Where each recipe says how many seconds. What it cannot say is null. */
const SAYS: Readonly<Record<string, { silence: RegExp[]; whole: RegExp[]; kept: RegExp[] }>> = {
  nginx: {
    silence: [/proxy_read_timeout (\d+)s/, /proxy_send_timeout (\d+)s/],
    whole: [],
    kept: [/keepalive_timeout (\d+)s/],
  },
  Caddy: { silence: [/response_header_timeout (\d+)s/, /read_timeout (\d+)s/], whole: [], kept: [/keepalive (\d+)s/] },
  Traefik: { silence: [/responseHeaderTimeout: (\d+)s/], whole: [], kept: [/idleConnTimeout: (\d+)s/] },
  'Envoy and Istio': {
    silence: [/ idle_timeout: (\d+)s  /],
    whole: [/ timeout: (\d+)s/],
    kept: [/\{idle_timeout: (\d+)s\}/],
  },
  AWS: {
    silence: [/Key=idle_timeout\.timeout_seconds,Value=(\d+)/, /Key=tcp\.idle_timeout\.seconds,Value=(\d+)/],
    whole: [/Key=deregistration_delay\.timeout_seconds,Value=(\d+)/],
    kept: [/Key=idle_timeout\.timeout_seconds,Value=(\d+)/],
  },
  'Google Cloud': { silence: [], whole: [/--timeout=(\d+)s/, /--connection-draining-timeout=(\d+)s/], kept: [] },
  Azure: { silence: [], whole: [/--timeout (\d+)/, /--connection-draining-timeout (\d+)/], kept: [] },
};

describe('a recipe of docs/behind-a-proxy.md', () => {
  const seconds = (title: string, where: RegExp) => {
    const said = where.exec(recipeOf.get(title) ?? '')?.[1];
    expect(said, `${title}: ${where.source}`).toBeDefined();
    return Number(said);
  };

  it.each(Object.entries(SAYS))('outlasts a call, and keeps connections for less than we do: %s', (title, says) => {
    for (const where of says.silence) expect(seconds(title, where)).toBeGreaterThan(callSeconds);
    for (const where of says.whole) expect(seconds(title, where)).toBeGreaterThanOrEqual(callSeconds + requestSeconds);
    for (const where of says.kept) expect(seconds(title, where)).toBeLessThan(keepAliveSeconds);
  });

  it('is there for each, and sends nothing again that was delivered', () => {
    expect([...recipeOf.keys()]).toEqual(expect.arrayContaining(Object.keys(SAYS)));
    expect(recipeOf.get('nginx')).toMatch(/proxy_next_upstream error; /);
    expect(recipeOf.get('Envoy and Istio')).toMatch(/retry_on: connect-failure /);
    for (const [title, recipe] of recipeOf) {
      expect(recipe, title).not.toMatch(
        /^(?!\s*#).*(?:non_idempotent;|retry_on: .*(?:5xx|reset|gateway-error)|http_50\d)/m,
      );
    }
  });

  it('has trusted proxies that config.yaml takes', () => {
    const [, entries = ''] = /```yaml\n(trusted_proxies:[^]*?)```/.exec(PAGE) ?? [];
    const { trustedProxies } = parseConfig(CONFIG + entries, {
      path: 'config.yaml',
      lookup: () => 'credential',
      readSecret: () => ({ fault: 'a file that does not exist', isAbsent: true }),
    });
    expect(trustedProxies.map(({ header }) => header)).toEqual(['x-forwarded-for', 'forwarded']);
  });

  it('is written for what the gateway does by default', () => {
    expect(PAGE).toContain(`\`TOLLGATE_KEEP_ALIVE_SECONDS\` (${keepAliveSeconds})`);
    expect(PAGE).toContain(
      `\`TOLLGATE_STOP_WINDOW_SECONDS\`, ${listenerFields.TOLLGATE_STOP_WINDOW_SECONDS.parse(undefined)} where`,
    );
    expect(PAGE).toContain(`(${callSeconds} s where nothing is set)`);
    expect(keepAliveSeconds).toBeGreaterThan(600);
  });
});
