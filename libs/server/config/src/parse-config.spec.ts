import { compileRoutes, targetModel } from '@tollgate/access';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  lacksCredential,
  missingCredentials,
  missingSources,
  needsCredential,
  parseConfig,
  PriceBook,
  variablesOf,
} from './index.js';

const PROVIDERS = `providers:
  - {name: openai, base_url: 'https://api.openai.com/v1/', credential: '\${env:OPENAI_API_KEY}'}
`;
const ROUTES = `routes:
  - {name: gpt, targets: [{provider: openai, model: gpt-4o}]}
`;
const PRICES = `prices:
  - {provider: openai, model: gpt-4o, input_usd_per_million: 0.15, output_usd_per_million: 0.60}
`;

const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(text, { path: 'config.yaml', lookup: (name) => environment[name] });
const problemsOf = (text: string, environment?: Record<string, string>) => {
  try {
    parse(text, environment);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ line, column, field, message }) => `${line}:${column} ${field}: ${message}`);
    throw error;
  }
  return [];
};

describe('a configuration', () => {
  it('has defaults for all that may be left out', () => {
    expect(parse(PROVIDERS + ROUTES + PRICES)).toMatchObject({
      providers: [
        {
          name: 'openai',
          type: 'openai',
          apiVersion: null,
          baseUrl: 'https://api.openai.com/v1',
          credential: null,
          credentialVariable: 'OPENAI_API_KEY',
          allowPrivateNetwork: false,
          timeoutMs: 600_000,
          firstByteTimeoutMs: 120_000,
          connectionsMax: 2_048,
        },
      ],
      routes: [{ name: 'gpt', access: 'everyone', targets: [{ provider: 'openai', model: 'gpt-4o', weight: 1 }] }],
      prices: [
        {
          provider: 'openai',
          model: 'gpt-4o',
          price: {
            inputNanoUsdPerMillion: 150_000_000n,
            outputNanoUsdPerMillion: 600_000_000n,
            cachedInputNanoUsdPerMillion: null,
            maxOutputTokens: 16_384,
            contextTokens: 2_000_000,
          },
        },
      ],
      secretScanning: { github: { publicKeysUrl: 'https://api.github.com/meta/public_keys/secret_scanning' } },
      mail: { from: 'tollgate@localhost' },
      oauth: { allowWithoutChallenge: false },
      limits: { bodyBytesMax: 33_554_432, bodiesBytesMax: 268_435_456, callsPerKeyMax: 1_024 },
      trustedProxies: [],
      plans: [],
    });
  });
  it('names plans, whose amounts are taken as they stand in the file', () => {
    const parsed = (text: string) => parse(`${PROVIDERS}${ROUTES}${PRICES}plans: ${text}\n`).plans;
    expect(parsed('[{name: pro, quota_usd: 20.000000001, price_usd: "15"}]')).toEqual([
      {
        name: 'pro',
        quotaNanoUsd: 20_000_000_001n,
        priceNanoUsd: 15_000_000_000n,
        models: null,
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
        selfService: false,
        paygAllowed: true,
        markupMillionths: null,
      },
    ]);
    const all =
      '{name: Team, cycle: month, quota_usd: 9000000, price_usd: 0, models: [gpt*], rate_limits: {requests_per_minute: 60}, self_service: true, payg_allowed: false, markup_percent: 2.5}';
    expect(parsed(`[${all}]`)).toMatchObject([
      {
        quotaNanoUsd: 9_000_000_000_000_000n,
        models: ['gpt*'],
        rateLimits: { requestsPerMinute: 60, tokensPerMinute: null },
        selfService: true,
        paygAllowed: false,
        markupMillionths: 25_000,
      },
    ]);
  });
  it.each([
    ['quota_usd: 9000000.000000001', 'must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ['quota_usd: -1', 'must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ['quota_usd: 1e3', 'must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ['quota_usd: .nan', ''],
    ['quota_usd: 0.0000000001', 'must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
  ])('refuses a plan with %s', (quota, message) => {
    const problems = problemsOf(`${PROVIDERS}${ROUTES}${PRICES}plans:\n  - {name: pro, ${quota}, price_usd: 1}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('plans[0].quota_usd: ');
    expect(problems[0]).toContain(message);
  });
  it('refuses plans that would be taken for one another, and names that look like ids', () => {
    const plan = (name: string) => `  - {name: ${name}, quota_usd: 1, price_usd: 1}\n`;
    const problems = (...names: string[]) =>
      problemsOf(`${PROVIDERS}${ROUTES}${PRICES}plans:\n${names.map(plan).join('')}`);
    expect(problems('Pro', 'team', '"ＰＲＯ "')).toEqual(['10:6 plans[2].name: another plan has this name']);
    expect(problems('0b4f2f5e-7f5c-4d0e-9a77-0123456789ab')).toEqual(['8:6 plans[0].name: must not look like an id']);
  });
  it('names the proxies whose word on a client is believed', () => {
    const parsed = (text: string) => parse(PROVIDERS + ROUTES + PRICES + `trusted_proxies: ${text}\n`).trustedProxies;
    expect(parsed('[{addresses: [10.0.0.0/8, "2001:db8::1"]}]')).toEqual([
      { addresses: ['10.0.0.0/8', '2001:db8::1'], header: 'x-forwarded-for' },
    ]);
    expect(parsed('[{addresses: [10.0.0.1], header: forwarded}]')[0]!.header).toBe('forwarded');
    for (const wrong of ['[{}]', '[{addresses: []}]', '[{addresses: [proxy.local]}]', '[{addresses: [10.0.0.0/33]}]'])
      expect(() => parsed(wrong), wrong).toThrow('trusted_proxies');
    expect(() => parsed('[{addresses: [10.0.0.1], header: x-real-ip}]')).toThrow('header');
  });
  it.each([
    ['[{addresses: [10.0.0.1]}, {addresses: [10.0.0.1], header: forwarded}]', 0, 1],
    ['[{addresses: [10.0.0.0/8]}, {addresses: [10.0.0.1], header: forwarded}]', 1],
    ['[{addresses: [10.0.0.1], header: forwarded}, {addresses: [192.0.2.1, 10.0.0.0/8]}]', 0],
    ['[{addresses: ["::ffff:10.0.0.1"]}, {addresses: [0.0.0.0/0], header: forwarded}]', 0],
    ['[{addresses: ["2001:db8::/32"]}, {addresses: ["2001:DB8:0::1"], header: forwarded}]', 1],
  ])('believes no proxy by two headers, of which it writes one: %s', (text, ...entries) => {
    const problems = problemsOf(PROVIDERS + ROUTES + PRICES + `trusted_proxies: ${text}\n`);
    expect(problems).toHaveLength(entries.length);
    entries.forEach((entry, at) =>
      expect(problems[at]).toMatch(
        new RegExp(`trusted_proxies\\[${entry}\\].addresses\\[0\\]: is, or is in, what another entry names`),
      ),
    );
  });
  it('may name a proxy twice with one header, and networks that have nothing in common with two', () => {
    for (const text of [
      '[{addresses: [10.0.0.0/8, 10.0.0.1]}, {addresses: [10.0.0.0/9]}]',
      '[{addresses: [10.0.0.0/9]}, {addresses: [10.128.0.0/9, "2001:db8::/32"], header: forwarded}]',
    ])
      expect(problemsOf(PROVIDERS + ROUTES + PRICES + `trusted_proxies: ${text}\n`)).toEqual([]);
  });
  it('takes credentials and headers from variables and files, and hides them', () => {
    const text = (fields: string) =>
      `providers:\n  - {name: openai, base_url: 'https://api.openai.com/v1', ${fields}}\n` + ROUTES + PRICES;
    const parsed = (fields: string, files: Record<string, string> = {}) =>
      parseConfig(text(fields), {
        path: 'config.yaml',
        lookup: (name) => ({ KEY: 'from-env' })[name],
        readSecret: (path) => {
          const secret = files[path];
          return secret === undefined ? { fault: 'a file that does not exist', isAbsent: true } : { secret };
        },
      }).providers[0]!;
    const held = parsed(`credential: '\${file:/run/secrets/key}'`, { '/run/secrets/key': 'sk-1' });
    expect([held.credential?.reveal(), held.credentialFile, held.credentialVariable]).toEqual([
      'sk-1',
      '/run/secrets/key',
      null,
    ]);
    expect([lacksCredential(held), needsCredential(held)]).toEqual([false, true]);
    const missing = parsed(`credential: '\${file:/run/secrets/key}', headers: {x-two: '\${env:UNSET}'}`);
    expect([missing.credential, lacksCredential(missing)]).toEqual([null, true]);
    expect(missingSources(missing)).toEqual(['/run/secrets/key', 'UNSET']);
    expect(missingCredentials([missing])).toBe(
      'provider openai has no credential: the file /run/secrets/key is missing, empty or not readable, UNSET is not set',
    );
    const { headers } = parsed(`headers: {OpenAI-Organization: org-1, x-team: a b, X-Secret: '\${env:KEY}'}`);
    expect(headers!.map(({ name, value }) => [name, value?.reveal()])).toEqual([
      ['openai-organization', 'org-1'],
      ['x-team', 'a b'],
      ['x-secret', 'from-env'],
    ]);
    expect(() => JSON.stringify(headers)).toThrow('cannot be serialised');
    expect(variablesOf([parsed(`headers: {X-Secret: '\${env:KEY}'}`)])).toEqual(['KEY', 'KEY_FILE']);
    expect(() => parsed(`credential: '\${file:/k}'`, { '/k': 'a b' })).toThrow('the file /k holds spaces');
  });
  it.each([
    ["credential: '\${file:relative}'", 'credential'],
    ['credential: sk-1', 'credential'],
    ['headers: {Authorization: x}', 'credential is given by credential'],
    ['headers: {X-API-Key: x}', 'is set by Tollgate itself'],
    ['headers: {Connection: close}', 'is set by Tollgate itself'],
    ['headers: {Content-Length: "1"}', 'is set by Tollgate itself'],
    ['headers: {Host: x}', 'is set by Tollgate itself'],
    ['headers: {"a b": x}', 'must be the name of a header'],
    ['headers: {x-a: "a\\r\\nb: c"}', 'must be visible ASCII'],
    ['headers: {x-a: ""}', 'must be visible ASCII'],
    ["headers: {x-a: '\${env:}'}", 'must be visible ASCII'],
    ['paths: {embeddings: embed}', 'must be a path'],
    ['paths: {embeddings: /a/../b}', 'must not have the segments'],
    ['paths: {embeddings: "//host/x"}', 'must be a path'],
    ['paths: {embeddings: "https://host/x"}', 'must be a path'],
    ['paths: {images: /x}', 'paths'],
  ])('refuses %s in the entry of a provider', (fields, message) => {
    const text = `providers:\n  - {name: openai, base_url: 'https://api.openai.com/v1', ${fields}}\n` + ROUTES + PRICES;
    expect(() => parse(text)).toThrow(message);
  });
  it('reads the paths of a provider', () => {
    const text = PROVIDERS.replace('- {name: openai,', "- {name: openai, paths: {embeddings: '/embed?x=1'},");
    expect(parse(text + ROUTES + PRICES).providers[0]!.paths).toEqual({ embeddings: '/embed?x=1' });
  });
  it('names the fields that a provider may be sent', () => {
    const allowing = (fields: string) =>
      PROVIDERS.replace('- {name: openai,', `- {name: openai, allow_fields: ${fields},`) + ROUTES + PRICES;
    expect(parse(PROVIDERS + ROUTES + PRICES).providers[0]!.allowFields).toEqual([]);
    expect(parse(allowing('[provider, models]')).providers[0]!.allowFields).toEqual(['provider', 'models']);
    for (const wrong of ['provider', '[7]', "['']", "['a b']"])
      expect(() => parse(allowing(wrong)), wrong).toThrow('allow_fields');
  });
  it('takes credentials from the environment, and an empty variable is none', () => {
    expect(parse(PROVIDERS + ROUTES + PRICES, { OPENAI_API_KEY: 'sk-x' }).providers[0]!.credential!.reveal()).toBe(
      'sk-x',
    );
    expect(parse(PROVIDERS + ROUTES + PRICES, { OPENAI_API_KEY: '' }).providers[0]!.credential).toBeNull();
  });
});

describe('the bytes that all bodies may take', () => {
  const limited = (limits: string) => `${PROVIDERS}${ROUTES}${PRICES}limits: ${limits}\n`;
  it('follow the largest body where they are not set', () => {
    expect(parse(limited('{body_bytes_max: 268435456}')).limits.bodiesBytesMax).toBe(536_870_912);
  });
  it('have room for two of the largest body', () => {
    const fault =
      'limits.bodies_bytes_max: must be at least twice body_bytes_max, 67108864: one key may fill half of it';
    expect(parse(limited('{bodies_bytes_max: 67108864}')).limits.bodiesBytesMax).toBe(67_108_864);
    expect(problemsOf(limited('{bodies_bytes_max: 67108863}'))[0]).toContain(
      'limits.bodies_bytes_max: must be at least',
    );
    expect(problemsOf(limited('{bodies_bytes_max: 67108864, body_bytes_max: 33554433}'))).toEqual([
      expect.stringContaining(fault.replace('67108864', '67108866')),
    ]);
  });
});

describe('the base URL of a provider', () => {
  const at = (url: string) => PROVIDERS.replace('https://api.openai.com/v1/', url) + ROUTES + PRICES;
  it.each([
    ['https://api.openai.com/v1/chat/completions', 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1/chat/completions/', 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1//chat/completions', 'https://api.openai.com/v1/'],
    ['http://127.0.0.1:11434/v1/Chat/Completions', 'http://127.0.0.1:11434/v1'],
    ['https://host/chat/completions', 'https://host'],
    ['https://host/v1/completions', 'https://host/v1'],
    ['https://host/v1/responses', 'https://host/v1'],
    ['https://host/v1/embeddings', 'https://host/v1'],
    ['https://host/v1/messages', 'https://host/v1'],
  ])('does not end with an endpoint: of %s it is said what to write', (url, instead) => {
    expect(problemsOf(at(url))).toEqual([
      `2:20 providers[0].base_url: must end before the endpoint, which is added to it: write ${instead}`,
    ]);
  });
  it.each([
    'https://host/v1',
    'https://host',
    'https://host/chat/completions/v1',
    'https://completions/v1',
    'https://host/my-completions',
  ])('may be %s', (url) => {
    expect(problemsOf(at(url))).toEqual([]);
  });
  it('is not quoted where it has a password', () => {
    expect(problemsOf(at('https://user:hunter2@host/chat/completions')).join()).not.toContain('hunter2');
  });
});

describe('the name of a provider', () => {
  it('is not that of the simulator, by which its usage is told from real usage', () => {
    const text = (PROVIDERS + ROUTES + PRICES)
      .replaceAll('name: openai', 'name: tollgate-simulator')
      .replaceAll('provider: openai', 'provider: tollgate-simulator');
    expect(problemsOf(text)).toEqual([
      "2:6 providers[0].name: must be another name: tollgate-simulator is the simulator's",
    ]);
  });
});

describe('a price', () => {
  const priceOf = (text: string) =>
    parse(
      `${PROVIDERS}${ROUTES}prices:\n  - {provider: openai, model: gpt-4o, input_usd_per_million: ${text}, output_usd_per_million: 1}\n`,
    ).prices[0]!.price!.inputNanoUsdPerMillion;
  it('is exact, whether written as a number or as text', () => {
    expect(
      ['0.1', '2.50', '"2.50"', '0', '0.000000001', '9999999.999999999', '1234567.123456789'].map(priceOf),
    ).toEqual([100_000_000n, 2_500_000_000n, 2_500_000_000n, 0n, 1n, 9_999_999_999_999_999n, 1_234_567_123_456_789n]);
  });
  it.each(['-1', '0.0000000001', '1e3', '.5', '1_000', '0x10', '.nan', '.inf', '12345678', "''", '"0,5"'])(
    'cannot be %s',
    (text) => {
      expect(
        problemsOf(
          `${PROVIDERS}${ROUTES}prices:\n  - provider: openai\n    model: gpt-4o\n    input_usd_per_million: ${text}\n    output_usd_per_million: 1\n`,
        ),
      ).toEqual([
        '8:5 prices[0].input_usd_per_million: must be a decimal number of USD from 0 to 9999999 with at most 9 decimals, as 0.15',
      ]);
    },
  );
  it('changes the version of the list; order, notation and all else do not', () => {
    const versionOf = (prices: string, rest = '') =>
      parse(`${PROVIDERS}${ROUTES}prices:\n${prices}${rest}`).priceVersion;
    const a = '  - {provider: openai, model: gpt-4o, input_usd_per_million: 0.15, output_usd_per_million: 0.60}\n';
    const b = '  - {provider: openai, model: x, input_usd_per_million: 1, output_usd_per_million: 2}\n';
    expect(versionOf(a)).toMatch(/^[0-9a-f]{12}$/);
    expect(versionOf(a + b)).toBe(versionOf(b + a.replace('0.60', '"0.6"'), 'mail: {from: a@b.c}\n'));
    expect(versionOf(a)).not.toBe(versionOf(a.replace('0.60', '0.61')));
    expect(versionOf(a)).not.toBe(versionOf(a.replace('0.60', '0.60, cached_input_usd_per_million: 0.15')));
    expect(versionOf(a)).not.toBe(versionOf(a.replace('0.60', '0.60, context_tokens: 128000')));
    expect(versionOf(a)).toBe(versionOf(a.replace('0.60', '0.60, context_tokens: 2000000')));
    // Each of these says when, or whose, a price is.
    for (const more of ['valid_from: 2027-01-01', 'hours: {from: "01:00", until: "04:00"}', 'requests_usd: 0.01'])
      expect(versionOf(a)).not.toBe(versionOf(a.replace('0.60', `0.60, ${more}`)));
    expect(versionOf(a)).not.toBe(
      versionOf(a, 'default_price: {input_usd_per_million: 1, output_usd_per_million: 1}\n'),
    );
  });
});

describe('prices that few models have', () => {
  const withMore = (lines: string) =>
    `${PROVIDERS}${ROUTES}prices:\n  - provider: openai\n    model: gpt-4o\n    input_usd_per_million: 5\n    output_usd_per_million: 25\n${lines}`;
  const moreOf = (lines: string) => parse(withMore(lines)).prices[0]!.price!.more;

  it('are read exactly, each to its own', () => {
    expect(
      moreOf(`    cache_write_usd_per_million: 6.25
    cache_write_1h_usd_per_million: "10"
    audio_input_usd_per_million: 0.1
    cached_audio_usd_per_million: 0.000000001
    image_input_usd_per_million: 3
    reasoning_usd_per_million: 4
    audio_output_usd_per_million: 5
    image_output_usd_per_million: 6
    tool_calls_usd_per_thousand: {web_search: 10, file_search: 2.500000001}
    service_tiers: {priority: 2, flex: {input: 0.5, output: 0.575}}
    speeds: {fast: {output: 6}}
    inference_geos: {us: 1.1}
    long_context: [{above_input_tokens: 272000, input_times: 2, output_times: 1.5}]
`),
    ).toEqual({
      classes: {
        cacheWrite5m: 6_250_000_000n,
        cacheWrite1h: 10_000_000_000n,
        audioInput: 100_000_000n,
        cachedAudio: 1n,
        imageInput: 3_000_000_000n,
        reasoning: 4_000_000_000n,
        audioOutput: 5_000_000_000n,
        imageOutput: 6_000_000_000n,
      },
      toolCalls: new Map([
        ['web_search', 10_000_000_000n],
        ['file_search', 2_500_000_001n],
      ]),
      serviceTiers: new Map([
        ['priority', { inputThousandths: 2_000n, outputThousandths: 2_000n }],
        ['flex', { inputThousandths: 500n, outputThousandths: 575n }],
      ]),
      speeds: new Map([['fast', { inputThousandths: 1_000n, outputThousandths: 6_000n }]]),
      inferenceGeos: new Map([['us', { inputThousandths: 1_100n, outputThousandths: 1_100n }]]),
      longContext: [{ aboveInputTokens: 272_000, inputThousandths: 2_000n, outputThousandths: 1_500n }],
    });
  });
  it('have the fee of a tool under the name of its calls, whichever name stands there', () => {
    expect(moreOf('    tool_calls_usd_per_thousand: {web_search_preview: 10, code_execution: 3}\n')?.toolCalls).toEqual(
      new Map([
        ['web_search', 10_000_000_000n],
        ['code_interpreter', 3_000_000_000n],
      ]),
    );
  });
  it('are absent where the entry has none of them', () => {
    expect(moreOf('')).toBeUndefined();
    expect(moreOf('    service_tiers: {}\n    long_context: []\n')).toBeUndefined();
  });
  it('change the version of the list, in any order the same', () => {
    const versionOf = (lines: string) => parse(withMore(lines)).priceVersion;
    const all = [
      '    cache_write_usd_per_million: 6.25\n',
      '    cache_write_1h_usd_per_million: 6.25\n',
      '    tool_calls_usd_per_thousand: {web_search: 10, web_fetch: 0}\n',
      '    service_tiers: {priority: 2}\n',
      '    speeds: {priority: 2}\n',
      '    inference_geos: {priority: 2}\n',
      '    long_context: [{above_input_tokens: 5}]\n',
    ];
    expect(new Set(['', ...all].map(versionOf)).size).toBe(all.length + 1);
    expect(versionOf(all.join(''))).toBe(versionOf(all.toReversed().join('')));
    expect(versionOf(all[2]!)).toBe(versionOf('    tool_calls_usd_per_thousand: {web_fetch: 0, web_search: 10.0}\n'));
  });
  it.each([
    ['cache_write_usd_per_million: -1', 'cache_write_usd_per_million: must be a decimal number of USD'],
    ['tool_calls_usd_per_thousand: {web_search: 1e3}', 'tool_calls_usd_per_thousand.web_search: must be a decimal'],
    ['tool_calls_usd_per_thousand: {Web: 1}', 'tool_calls_usd_per_thousand.Web: has a name'],
    ['service_tiers: {default: 2}', 'service_tiers.default: has a name'],
    ['speeds: {standard: 2}', 'speeds.standard: has a name'],
    ['inference_geos: {global: 2}', 'inference_geos.global: has a name'],
    ['service_tiers: {priority: 0}', 'service_tiers.priority: '],
    ['service_tiers: {priority: 1.2345}', 'service_tiers.priority: '],
    ['long_context: [{above_input_tokens: 2000000}]', 'long_context[0].above_input_tokens: must be less than context'],
    [
      'context_tokens: 100, long_context: [{above_input_tokens: 100}]',
      'long_context[0].above_input_tokens: must be less than context_tokens, 100',
    ],
    [
      'long_context: [{above_input_tokens: 9}, {above_input_tokens: 9}]',
      'long_context[1].above_input_tokens: another long context begins there',
    ],
  ])('cannot be %s', (field, problem) => {
    const text = `${PROVIDERS}${ROUTES}prices:\n  - {provider: openai, model: gpt-4o, input_usd_per_million: 5, output_usd_per_million: 25, ${field}}\n`;
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('the access of a route', () => {
  it('is for everyone unless it says groups', () => {
    const text = PROVIDERS + ROUTES + PRICES;
    expect(parse(text).routes[0]?.access).toBe('everyone');
    for (const access of ['everyone', 'groups'] as const)
      expect(parse(text.replace('name: gpt,', `name: gpt, access: ${access},`)).routes[0]?.access).toBe(access);
  });
});

describe('a file with problems', () => {
  it('is told all of them, each with field and line, in the order of the file', () => {
    expect(
      problemsOf(`providers:
  - name: openai
    base_url: ftp://example.com
    credentail: x
  - {name: openai, base_url: https://example.com}
routes:
  - name: gpt
    targets:
      - {provider: nobody, model: gpt-4o}
      - {provider: openai, model: unpriced, weight: 0}
    access: members
  - {name: gpt, targets: []}
prices:
  - {provider: nobody, model: x, input_usd_per_million: 1, output_usd_per_million: 1}
  - {provider: openai, model: y, input_usd_per_million: 1}
limits: {body_bytes_max: 3}
surprise: 1
`),
    ).toEqual([
      '3:5 providers[0].base_url: must be an http or https URL without user, password, query or fragment',
      '4:5 providers[0].credentail: unknown field',
      '5:6 providers[1].name: another provider has this name',
      '9:10 routes[0].targets[0].provider: there is no provider "nobody"',
      '10:45 routes[0].targets[1].weight: must be at least 1',
      '11:5 routes[0].access: must be one of "everyone", "groups"',
      '12:6 routes[1].name: another route has this name',
      '12:17 routes[1].targets: must have at least 1 item',
      '14:6 prices[0].provider: there is no provider "nobody"',
      '15:5 prices[1].output_usd_per_million: is required',
      '16:10 limits.body_bytes_max: must be at least 1024',
      '17:1 surprise: unknown field',
    ]);
  });
  it('names file and place in its message', () => {
    expect(() => parse(`${PROVIDERS}${ROUTES}prices: 3\nmail: 4\n`)).toThrow(
      'config.yaml has 2 problems:\n  config.yaml:5:1 prices must be a list\n  config.yaml:6:1 mail must be an object',
    );
  });
  it('may be empty, or something else', () => {
    expect(problemsOf('')).toEqual(['1:1 providers: is required', '1:1 routes: is required']);
    expect(problemsOf('[1, 2]')).toEqual(['1:1 : must be an object']);
    expect(problemsOf('providers: {}\nroutes: 3\nprices: null\n')).toEqual([
      '1:1 providers: must be a list',
      '2:1 routes: must be a list',
      '3:1 prices: must be a list',
    ]);
  });
  it('that is no YAML says where', () => {
    expect(problemsOf('providers:\n  - {name: canary\nroutes: canary\n').join()).toMatch(
      /^\d+:\d+ : is not valid YAML: /,
    );
    expect(problemsOf(`${PROVIDERS}${PROVIDERS}`)).toEqual(['3:1 : is not valid YAML: duplicate key']);
    expect(problemsOf('a: !canary x\n')).toEqual(['1:4 : is not valid YAML: tag resolve failed']);
  });
  it('has one price for a model', () => {
    expect(problemsOf(PROVIDERS + ROUTES + PRICES + PRICES.replace('prices:\n', ''))).toEqual([
      '7:5 prices[1]: this model of this provider has a price already',
    ]);
  });
  it('fetches public keys over http from loopback only', () => {
    const withUrl = (url: string) =>
      problemsOf(`${PROVIDERS}${ROUTES}${PRICES}secret_scanning: {github: {public_keys_url: '${url}'}}\n`);
    expect(
      ['https://x.example/keys', 'http://127.0.0.1:99/keys', 'http://[::1]:99/keys', 'http://localhost/'].flatMap(
        withUrl,
      ),
    ).toEqual([]);
    for (const url of [
      'http://x.example/keys',
      'http://127.0.0.1.x.example/',
      'https://u:p@x.example/',
      'file:///etc/passwd',
      'http://localhost.x.example/',
    ])
      expect(withUrl(url)).toHaveLength(1);
  });
});

describe('the type of a provider', () => {
  const withEntry = (fields: string) => `${PROVIDERS}  - {name: other, ${fields}}\n${ROUTES}${PRICES}`;
  const typeOf = (fields: string) => parse(withEntry(fields)).providers[1]!.type;
  const faultsOf = (fields: string) => problemsOf(withEntry(fields)).map((fault) => fault.replace(/^\d+:\d+ /, ''));
  const azure = 'base_url: "https://name.openai.azure.com"';

  it.each([
    ['base_url: https://api.openai.com/v1', 'openai'],
    ['base_url: https://API.openai.com/v1', 'openai'],
    ['dialect: openai, base_url: https://api.openai.com/v1', 'openai'],
    ['base_url: https://api.openai.com.example/v1', 'compatible'],
    ['base_url: https://eu.api.openai.com/v1', 'compatible'],
    ['dialect: openai, base_url: https://name.openai.azure.com/openai/v1', 'compatible'],
    ['base_url: http://127.0.0.1:8000/v1', 'compatible'],
    ['dialect: anthropic, base_url: https://api.anthropic.com/v1', 'anthropic'],
    ['type: compatible, base_url: https://api.openai.com/v1', 'compatible'],
    ['type: openai, base_url: http://127.0.0.1:8000/v1', 'openai'],
    ['type: azure, base_url: https://name.openai.azure.com/openai/v1', 'azure'],
    ['type: azure, dialect: openai, base_url: https://name.openai.azure.com/openai/v1/', 'azure'],
    ['type: anthropic, base_url: https://api.anthropic.com/v1', 'anthropic'],
  ])('follows from the entry where it names none, as files of the release before had it: %s', (fields, type) => {
    expect(typeOf(fields)).toBe(type);
  });
  it('of Azure has a version, unless its newer API is named', () => {
    expect(parse(withEntry(`type: azure, ${azure}, api_version: '2024-10-21'`)).providers[1]).toMatchObject({
      type: 'azure',
      apiVersion: '2024-10-21',
      baseUrl: 'https://name.openai.azure.com',
    });
    expect(faultsOf(`type: azure, ${azure}`)).toEqual([
      'providers[1].api_version: is required for type azure, as 2024-10-21, unless base_url ends in /openai/v1',
    ]);
    expect(faultsOf(`type: azure, base_url: https://name.openai.azure.com/openai/v1, api_version: preview`)).toEqual(
      [],
    );
    expect(faultsOf(`type: azure, ${azure}, api_version: "2024&x=1"`)).toEqual([
      'providers[1].api_version: must be a version of the API, as 2024-10-21',
    ]);
    expect(faultsOf(`type: azure, ${azure}, api_version: 2024`)).toHaveLength(1);
  });
  it('of Azure ends before the deployment, which is the model of a target', () => {
    const url = 'https://name.openai.azure.com/openai/deployments/gpt-4o';
    expect(faultsOf(`type: azure, base_url: "${url}", api_version: '2024-10-21'`)).toEqual([
      'providers[1].base_url: must end before /openai/deployments, which is added to it: write https://name.openai.azure.com, and the deployment as the model of a target',
    ]);
  });
  it('is a proxy in front of OpenAI only where a compatible entry says so', () => {
    const url = 'base_url: https://llm-proxy.example.com/v1';
    expect(parse(withEntry(`${url}, passes_to_openai: true`)).providers[1]).toMatchObject({ passesToOpenAi: true });
    expect(parse(withEntry(url)).providers[1]).not.toHaveProperty('passesToOpenAi');
    for (const [type, field] of [
      ['openai', 'passes_to_openai: true'],
      ['anthropic', 'passes_to_openai: false'],
      ['anthropic', 'endpoints: [responses]'],
    ] as const)
      expect(faultsOf(`type: ${type}, ${url}, ${field}`)).toEqual([
        `providers[1].${field.split(':')[0]}: is for type compatible alone`,
      ]);
  });
  it('tells where it is wrong, by field, line and column', () => {
    expect(problemsOf(withEntry('type: azur, base_url: https://x'))).toEqual([
      expect.stringMatching(/^3:\d+ providers\[1\]\.type: must be one of "?openai/) as unknown,
    ]);
    expect(faultsOf('base_url: https://x, api_version: v1')).toEqual([
      'providers[1].api_version: is for type azure alone',
    ]);
    expect(faultsOf('type: anthropic, dialect: openai, base_url: https://x')).toEqual([
      'providers[1].dialect: contradicts type anthropic: leave it out',
    ]);
    expect(faultsOf('type: compatible, dialect: anthropic, base_url: https://x')).toEqual([
      'providers[1].dialect: contradicts type compatible: leave it out',
    ]);
  });
});

describe('a credential', () => {
  it('in the file is refused and not repeated', () => {
    const problems = problemsOf((PROVIDERS + ROUTES + PRICES).replace('${env:OPENAI_API_KEY}', 'sk-canary'));
    expect(problems).toEqual([
      '2:60 providers[0].credential: must be taken from the environment or a file, as ${env:OPENAI_API_KEY} or ${file:/run/secrets/openai}',
    ]);
    const inUrl = problemsOf((PROVIDERS + ROUTES + PRICES).replace('https://api', 'https://user:canary@api'));
    expect(inUrl).toHaveLength(1);
    expect(inUrl.join()).not.toContain('canary');
  });
  it('that no header may hold is refused and not repeated', () => {
    expect(problemsOf(PROVIDERS + ROUTES + PRICES, { OPENAI_API_KEY: 'canary\n' })).toEqual([
      '2:60 providers[0].credential: the variable OPENAI_API_KEY holds spaces, line ends or characters besides ASCII',
    ]);
  });
});

describe('a route with *', () => {
  const wild = (route: string, target: string, price: string) => `${PROVIDERS}routes:
  - {name: '${route}', targets: [{provider: openai, model: '${target}'}]}
prices:
  - {provider: openai, model: '${price}', input_usd_per_million: 1, output_usd_per_million: 2}
`;
  it('leads to the model that the caller named, at the price that covers it', () => {
    const { routes } = parse(wild('gpt-*', '*', 'gpt-*'));
    const route = compileRoutes(routes)('gpt-5')!;
    expect(targetModel(route.targets[0]!, 'gpt-5')).toBe('gpt-5');
    expect(targetModel({ ...route.targets[0]!, model: 'gpt-4o' }, 'gpt-5')).toBe('gpt-4o');
    const book = new PriceBook({ ...parse(wild('gpt-*', '*', 'gpt-*')), providers: [] });
    expect(book.at('openai', 'gpt-5', 0).price).toMatchObject({ inputNanoUsdPerMillion: 1_000_000_000n });
    expect(book.at('openai', 'o3', 0).price).toBeNull();
    expect(book.at('other', 'gpt-5', 0).price).toBeNull();
    expect(compileRoutes(routes)('o3')).toBeNull();
  });
  it('is the only one whose target may be *', () => {
    expect(problemsOf(wild('gpt', '*', '*'))).toEqual([
      '4:48 routes[0].targets[0].model: route "gpt" has one name, so name the model; * is for routes whose name has a *',
    ]);
    expect(problemsOf(wild('gpt-*', 'gpt-*', '*'))).toEqual([
      '4:50 routes[0].targets[0].model: must be one model, or * for the one that the caller named',
    ]);
  });
});
