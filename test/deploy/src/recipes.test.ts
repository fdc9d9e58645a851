import { globSync, readFileSync } from 'node:fs';
import { loadConfig } from '@tollgate/config';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { render, type Values } from './chart/render.js';
import { repository } from './repository.js';

const folder = `${repository}deploy/kubernetes/recipes`;
const text = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8');
const files = globSync(`${folder}/*.yaml`).map((file) => basename(file));
const longest = Math.max(
  ...loadConfig(`${repository}config.yaml`, () => 'credential').providers.map(({ timeoutMs }) => timeoutMs / 1_000),
);

/** Every time in a recipe, in seconds, by the name that stands before it. */
function times(recipe: string): Map<string, number> {
  const found = recipe.matchAll(/([\w.-]+?)["']?[:=]\s*["']?(\d+)(s|m|h)?["']?(?=[\s,}\]]|$)/gm);
  const seconds = { s: 1, m: 60, h: 3_600 };
  return new Map([...found].map(([, name, number, unit]) => [name!, Number(number) * seconds[(unit ?? 's') as 's']]));
}

/** For each recipe: the names of the times that a call may take or be silent, and of how long idle connections stay. */
const told: Readonly<Record<string, { calls: readonly string[]; idle?: string; retries?: RegExp }>> = {
  'ingress-nginx.yaml': {
    calls: ['nginx.ingress.kubernetes.io/proxy-read-timeout', 'nginx.ingress.kubernetes.io/proxy-send-timeout'].map(
      (name) => name.split('/')[1]!,
    ),
    retries: /proxy-next-upstream: error$/m,
  },
  'traefik.yaml': { calls: ['--entryPoints.websecure.transport.respondingTimeouts.readTimeout'] },
  'traefik-objects.yaml': {
    calls: ['responseHeaderTimeout'],
    idle: 'idleConnTimeout',
    retries: /retry: \{attempts: 2\}/,
  },
  'envoy-gateway.yaml': {
    calls: ['requestTimeout', 'streamIdleTimeout'],
    idle: 'connectionIdleTimeout',
    retries: /retryOn: \{triggers: \[connect-failure\]\}/,
  },
  'istio.yaml': { calls: ['timeout'], idle: 'idleTimeout', retries: /retryOn: connect-failure\}/ },
  'aws-alb.yaml': { calls: ['idle_timeout.timeout_seconds'] },
  'google-gateway.yaml': { calls: ['timeoutSec'] },
};

describe('the recipes for what stands in front', () => {
  it('are all known here, and to the page that names them', () => {
    expect(Object.keys(told).sort()).toEqual(files.sort());
    const page = readFileSync(`${repository}deploy/kubernetes/README.md`, 'utf8');
    for (const file of files) expect(page).toContain(file);
  });

  it.each(files)('%s lets a call take and be silent as long as the slowest provider may', (file) => {
    const { calls, idle } = told[file]!;
    for (const name of calls) expect(times(text(file)).get(name), name).toBeGreaterThan(longest);
    // The gateway closes idle connections after 620 s: who is in front does so before.
    if (idle !== undefined) expect(times(text(file)).get(idle)).toBeLessThan(620);
  });

  it.each(files)('%s says what is tried again: only what no gateway has got', (file) => {
    const { retries } = told[file]!;
    if (retries) expect(text(file)).toMatch(retries);
    expect(text(file).replace(/^\s*#.*$/gm, '')).not.toMatch(
      /non_idempotent|5xx|gateway-error|http_50\d|retriable|reset/,
    );
  });

  it.each(['ingress-nginx.yaml', 'traefik.yaml', 'aws-alb.yaml'])(
    '%s is a file of values that the chart takes',
    async (file) => {
      const objects = await render({ ci: ['manifests'], values: parse(text(file)) as Values });
      const ingress = objects.find(({ kind }) => kind === 'Ingress')!;
      const { ingress: given } = parse(text(file)) as { ingress: { annotations: Record<string, string> } };
      expect(ingress.metadata.annotations).toEqual(given.annotations);
      expect(ingress.spec).toMatchObject({
        rules: [
          {
            host: 'ai.example.com',
            http: { paths: [{ path: '/', backend: { service: { name: 'tollgate-gateway', port: { number: 80 } } } }] },
          },
        ],
      });
    },
  );

  it('of the Gateway API begin with a route that ends no call before the slowest provider does', async () => {
    const httpRoute = { enabled: true, parentRefs: [{ name: 'ai' }], hostnames: ['ai.example.com'] };
    const route = (await render({ ci: ['manifests'], values: { httpRoute } })).find(
      ({ kind }) => kind === 'HTTPRoute',
    )!;
    expect(route.spec).toMatchObject({
      parentRefs: [{ name: 'ai' }],
      hostnames: ['ai.example.com'],
      rules: [
        {
          backendRefs: [{ name: 'tollgate-gateway', port: 80 }],
          timeouts: { request: `${longest + 10}s`, backendRequest: `${longest + 10}s` },
        },
      ],
    });
  });

  it.each(['traefik-objects.yaml', 'envoy-gateway.yaml', 'istio.yaml', 'google-gateway.yaml'])(
    '%s names objects that the chart makes in the namespace of the page',
    async (file) => {
      const services = (await render({ ci: ['manifests'] })).map(({ metadata }) => metadata.name);
      for (const document of parseAllDocuments(text(file))) {
        const object = document.toJS() as { metadata: { namespace: string } };
        expect(object.metadata.namespace).toBe('tollgate');
        for (const [, name] of JSON.stringify(object).matchAll(/"(?:host|name)":"(tollgate-gateway[\w-]*)"/g))
          expect(services).toContain(name);
      }
    },
  );
});
