import { hasWildcard } from '@tollgate/access';
import { parseSubnet } from '@tollgate/api-key';
import { CAP_NANO_USD_MAX, formatUsd, readUsd } from '@tollgate/credit';
import { SOURCES } from '@tollgate/known-prices';
import { TOKENIZERS } from '@tollgate/pricing';
import { z } from 'zod';
import { BODY_BYTES_DEFAULT } from './body-bytes-default.js';
import { OPERATION_NAMES, PROVIDER_TYPES, SIMULATOR_NAME } from './config.js';
import { isOwnHeader } from './own-headers.js';

/** The shape of `config.yaml`. Everything that people may write there is here, with what it means. */

const HOUR_MS = 3_600_000;
const MIB = 1_048_576;
/** More than any model reads today. */
export const CONTEXT_TOKENS_DEFAULT = 2_000_000;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The value of `source` of a provider whose models have no prices but those of the file. */
export const NO_SOURCE = 'none';

/** The variable or the file that a secret value is taken from. */
export const SOURCE_PATTERN = /^\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)|file:(\/[^\0{}]{1,1000}))\}$/;

const urlOf = (text: string): URL | null => (URL.canParse(text) ? new URL(text) : null);
const isPlain = ({ username, password, search, hash }: URL): boolean =>
  username === '' && password === '' && search === '' && hash === '';

const providerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_" or "-"');
/** No half of a surrogate pair (Cs) either: names go into usage events, and the ledger cannot hold one. */
const modelName = z.string().regex(/^[^\s\p{Cc}\p{Cs}]{1,200}$/u, 'must be 1 to 200 characters without spaces');
const fieldName = z
  .string()
  .regex(/^[^\s\p{Cc}]{1,100}$/u, 'must be the name of a field: 1 to 100 characters without spaces');
const timeoutMs = z.int().min(1).max(HOUR_MS);

/**
 * What SDKs and gateways put behind a base URL themselves: a URL of one endpoint, copied from a provider's page, would
 * get it twice.
 */
const ENDPOINT = /\/(?:chat\/completions|completions|responses|embeddings|messages)\/*$/i;

const baseUrl = z
  .string()
  .refine(
    (text) => {
      const url = urlOf(text);
      return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && isPlain(url);
    },
    { error: 'must be an http or https URL without user, password, query or fragment', abort: true },
  )
  .refine((text) => !ENDPOINT.test(text), {
    error: ({ input }) =>
      `must end before the endpoint, which is added to it: write ${String(input).replace(ENDPOINT, '')}`,
  });

const publicKeysUrl = z.string().refine((text) => {
  const url = urlOf(text);
  return (
    url !== null &&
    isPlain(url) &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)))
  );
}, 'must be an https URL (http only on loopback) without user, password, query or fragment');

const USD_MAX = 9_999_999;

/** In the file a number or a string; here always the text as it stands there, so that no float rounds it. */
const usdPerMillion = z
  .union([
    z
      .string()
      .regex(
        /^\d{1,7}(?:\.\d{1,9})?$/,
        'must be a decimal number of USD from 0 to 9999999 with at most 9 decimals, as 0.15',
      ),
    // Of JSON; in the file numbers come as the text that stands there.
    z
      .number()
      .min(0)
      .max(USD_MAX)
      .refine(
        (usd) => usd < 0 || usd > USD_MAX || readUsd(usd) !== null,
        'must be a decimal number of USD with at most 9 decimals',
      ),
  ])
  .describe('USD for a million tokens, at most 9 decimals');

/** A name as HTTP takes it (RFC 9110, section 5.6.2). */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

function headerNameFault(name: string): string | null {
  if (!HEADER_NAME.test(name)) return 'must be the name of a header';
  return isOwnHeader(name) ? `${name} is set by Tollgate itself: the credential is given by credential` : null;
}

const headerValue = z
  .string()
  .max(4_096)
  .refine(
    (value) => SOURCE_PATTERN.test(value) || (!value.startsWith('${') && HEADER_TEXT.test(value)),
    'must be visible ASCII with single spaces between, or ${env:NAME}, or ${file:/path}',
  );
const HEADER_TEXT = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/** A path below the base URL, perhaps with a query, that leads nowhere else. */
const operationPath = z
  .string()
  .regex(/^(?:\/[\w.~!$&'()*+,;=:@%-]+)+(?:\?[\w.~!$&'()*+,;=:@%/-]*)?$/, 'must be a path, as /v2/embed')
  .refine((path) => !/\/\.{1,2}(?:[/?]|$)/.test(path), 'must not have the segments . or ..');

const providerSchema = z.strictObject({
  name: providerName
    .refine((name) => name !== SIMULATOR_NAME, `must be another name: ${SIMULATOR_NAME} is the simulator's`)
    .describe('What routes and prices call it'),
  type: z
    .enum(PROVIDER_TYPES)
    .optional()
    .describe(
      'How it is spoken to: openai; azure (credential in api-key, deployments as models); anthropic (credential in x-api-key; base_url with or without /v1); compatible, for any other server with the paths of OpenAI. Where absent: anthropic for dialect anthropic, openai where the host of base_url is api.openai.com, else compatible',
    ),
  dialect: z
    .enum(['openai', 'anthropic'])
    .optional()
    .describe('The older name of type: openai for openai, azure and compatible; where absent, what the type says'),
  base_url: baseUrl.describe(
    'What stands before /chat/completions, as https://api.openai.com/v1; for azure the resource, as https://name.openai.azure.com, or its /openai/v1',
  ),
  source: z
    .enum([...SOURCES, NO_SOURCE])
    .optional()
    .describe(
      'Whose prices its models have where prices names none, as openai for a proxy in front of OpenAI; none for no prices but those. Where absent: what the host of base_url is known for (docs/prices.md). The name of the provider says nothing',
    ),
  api_version: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$/, 'must be a version of the API, as 2024-10-21')
    .optional()
    .describe(
      'For type azure: the api-version of each call, as 2024-10-21; required unless base_url ends in /openai/v1',
    ),
  credential: z
    .string()
    .regex(
      SOURCE_PATTERN,
      'must be taken from the environment or a file, as ${env:OPENAI_API_KEY} or ${file:/run/secrets/openai}',
    )
    .optional()
    .describe('Where its API key comes from: ${env:NAME}, or ${file:/path} of a file that holds nothing else'),
  optional: z
    .boolean()
    .default(false)
    .describe(
      'true lets a gateway start while the credential, or a header, is missing: the targets of this provider are passed over then, with a line in the log. Otherwise a gateway that has a route to it does not start',
    ),
  headers: z
    .record(z.string(), headerValue)
    .superRefine((headers, context) => {
      for (const name of Object.keys(headers)) {
        const message = headerNameFault(name);
        if (message !== null) context.addIssue({ code: 'custom', path: [name], message });
      }
    })
    .optional()
    .describe(
      'Headers of each call of it, by name, as OpenAI-Organization; a value may be ${env:NAME} or ${file:/path}. Headers with the credential, and those of the connection or the body, are not taken',
    ),
  paths: z
    .partialRecord(z.enum(OPERATION_NAMES), operationPath)
    .optional()
    .describe(
      "What is added to base_url in the place of an operation's own path, where a server has another, as {embeddings: /embed}",
    ),
  allow_private_network: z.boolean().default(false).describe('true for a provider on loopback or a private address'),
  timeout_ms: timeoutMs.default(600_000).describe('For a whole call'),
  first_byte_timeout_ms: timeoutMs.default(120_000).describe('Until the first data of a streamed answer'),
  connections_max: z
    .int()
    .min(1)
    .max(65_535)
    .default(2_048)
    .describe(
      'The most calls of it that one gateway has under way, each on a connection; more are 503, or go to the next target',
    ),
  ceiling_field: z
    .enum(['max_completion_tokens', 'max_tokens', 'none'])
    .optional()
    .describe(
      'The name under which it takes a ceiling of output tokens, which calls of keys with a credit limit need; where absent: what its host is known to take, else max_tokens',
    ),
  stream_options: z
    .boolean()
    .optional()
    .describe(
      'Whether it is asked for the usage of a stream by stream_options; where absent: what its host is known to take, else true',
    ),
  end_at_hold: z
    .boolean()
    .default(false)
    .describe(
      'Whether a stream is ended when it has used up the credit held for it: for a provider that ignores the ceiling',
    ),
  allow_fields: z
    .array(fieldName)
    .max(100)
    .default([])
    .describe(
      "Top-level fields of a request that it may be sent though they name another model, address or credential, or cost more than the credit held: the excess is the platform's loss",
    ),
  allow_betas: z
    .array(
      z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/, 'must be a value of anthropic-beta, as context-1m-2025-08-07'),
    )
    .max(100)
    .optional()
    .describe(
      'For type anthropic: values of anthropic-beta that it may be sent though they can change the price or the model, as context-1m-2025-08-07, or context-1m- for those of any date',
    ),
  endpoints: z
    .array(z.enum(['responses']))
    .max(1)
    .optional()
    .describe(
      'For type compatible: what it serves besides chat completions, completions and embeddings. Without responses in this list, calls of Responses reach it as chat completions',
    ),
  passes_to_openai: z
    .boolean()
    .optional()
    .describe(
      "For type compatible: true for a proxy in front of OpenAI, or of OpenAI's models at Azure. It is then sent what only OpenAI knows, as service_tier and prompt_cache_key, as if its host were OpenAI's",
    ),
});

const targetSchema = z.strictObject({
  provider: providerName.describe('The name of a provider above'),
  model: modelName
    .refine((name) => name === '*' || !hasWildcard(name), 'must be one model, or * for the one that the caller named')
    .describe("The provider's model; * is the one that the caller named"),
  weight: z.int().min(1).max(1_000).default(1).describe('Its share of the calls, against the other targets'),
});

const routeSchema = z.strictObject({
  name: modelName.describe('What a caller writes in "model"; * stands for any characters'),
  targets: z.array(targetSchema).min(1).max(20),
  access: z
    .enum(['everyone', 'groups'])
    .default('everyone')
    .describe('Which keys may use it: all, or only those in a group that has the route'),
});

const usdPerRequest = usdPerMillion.describe('USD for a call, at most 9 decimals');
const usdPerThousand = usdPerMillion.describe('USD for a thousand calls, at most 9 decimals');

/** Thousandths are exact: prices are multiplied as whole numbers. */
const times = z
  .number()
  .gt(0)
  .max(1_000)
  .refine((value) => Number.isInteger(Number((value * 1_000).toFixed(6))), 'must have at most 3 decimals, as 1.25');

const factor = z
  .union([times, z.strictObject({ input: times.default(1), output: times.default(1) })])
  .describe('What multiplies the prices: one number, or one for the input and one for the output');

/** A word as replies have it. The usual one has no factor: it is what the prices are for. */
const servedWord = (usual: readonly string[]) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/, 'must be 1 to 64 letters, digits, "_", ".", ":" or "-"')
    .refine((word) => !usual.includes(word), `must not be ${usual.join(' or ')}: that is what the prices are for`);

const toolName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of a tool, as web_search');

const longContextSchema = z.strictObject({
  above_input_tokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .describe('More input tokens than this, cached ones included, are a long context'),
  input_times: times.default(1).describe('What multiplies the prices of all input then'),
  output_times: times.default(1).describe('What multiplies the prices of all output then'),
});

/** What a model costs, whoever serves it and whenever. */
const priceFields = {
  input_usd_per_million: usdPerMillion.optional(),
  output_usd_per_million: usdPerMillion.optional(),
  cached_input_usd_per_million: usdPerMillion
    .optional()
    .describe('Input that was read from a cache of the provider; where absent: as input'),
  cache_write_usd_per_million: usdPerMillion
    .optional()
    .describe('Input that was written to a cache, for five minutes where there is a choice; where absent: as input'),
  cache_write_1h_usd_per_million: usdPerMillion
    .optional()
    .describe('Input that was written to a cache for an hour; where absent: as cache_write, but no less than input'),
  audio_input_usd_per_million: usdPerMillion
    .optional()
    .describe('Sound in the input; where absent, its cost is not known'),
  cached_audio_usd_per_million: usdPerMillion
    .optional()
    .describe('Sound that was read from a cache; where absent: as audio_input'),
  image_input_usd_per_million: usdPerMillion
    .optional()
    .describe(
      'Images in the input; where absent: as input if the model is known to count images as text, else their cost is not known',
    ),
  reasoning_usd_per_million: usdPerMillion.optional().describe('Reasoning; where absent: as output'),
  audio_output_usd_per_million: usdPerMillion
    .optional()
    .describe('Sound in the output; where absent, its cost is not known'),
  image_output_usd_per_million: usdPerMillion
    .optional()
    .describe('Images in the output; where absent, its cost is not known'),
  requests_usd: usdPerRequest.optional().describe('The fee of each call, in USD, whatever it used; where absent: none'),
  tool_calls_usd_per_thousand: z
    .record(toolName, usdPerThousand)
    .optional()
    .describe(
      'Fees of the tools that the provider runs, by any name by which requests declare them, as {web_search: 10}; calls of others have no fee, and keys with a credit limit cannot ask for them, but for web_fetch and tool_search, which are known to have none',
    ),
  service_tiers: z
    .record(servedWord(['auto', 'default', 'standard', 'standard_only']), factor)
    .optional()
    .describe(
      'What multiplies the prices of tokens where a reply names this service_tier, as {priority: 2, flex: 0.5}. Keys with a credit limit may ask for the tiers named here, flex and batch; a request that names none is held at the dearest, since the account at the provider decides',
    ),
  speeds: z
    .record(servedWord(['standard']), factor)
    .optional()
    .describe("The same for a reply's speed, as {fast: 6}"),
  inference_geos: z
    .record(servedWord(['global', 'not_available']), factor)
    .optional()
    .describe("The same for a reply's inference_geo, as {us: 1.1}"),
  long_context: z
    .array(longContextSchema)
    .max(10)
    .optional()
    .describe('What multiplies all prices of tokens of a call with much input'),
  max_output_tokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe(
      'The longest answer of the model: the bound of the cost where a caller sets none. Where absent: what is known of the model, else 16384',
    ),
  context_tokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe(
      'The most tokens that the model reads in one call: what a provider reports beyond it is not charged to keys without a credit limit. Where absent: 2000000',
    ),
  tokenizer: z
    .enum(TOKENIZERS)
    .optional()
    .describe(
      'How the model cuts text into tokens: calls near a credit limit are counted with it before they are refused; leave it ' +
        'out where it is not known for certain, and bytes bound the tokens',
    ),
  image_tokens_max: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe(
      'The most input tokens of one image, which bound its cost for keys with a credit limit; where absent: what the family of ' +
        'the model is known for (Claude, GPT, Gemini), else the context',
    ),
  audio_tokens_per_second: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      'The input tokens of a second of sound, which bound its cost for keys with a credit limit; where absent: what the family ' +
        'of the model is known for (GPT, Gemini), else the context bounds a recording',
    ),
};

const LIKE = /^([a-z0-9-]+)\/([^\s\p{Cc}\p{Cs}]{1,200})$/u;
const isLike = (text: string): boolean => SOURCES.includes(LIKE.exec(text)?.[1] ?? '');

const moment = z
  .string()
  .refine(
    (text) => MOMENT.test(text) && isInCalendar(text),
    'must be a date or a moment in UTC, as 2027-01-01, 2027-01-01T12:00:00Z or 2027-01-01T12:00:00.000Z',
  );
/** What is printed has milliseconds, and is read as well. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|\+00:00))?$/;

/** Date reads the 30th of February as a day of March, and 24:00 as the next day. */
function isInCalendar(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.replace(/Z|\+00:00/, ''));
}

const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of the day in UTC, as 16:30');

/** An entry of `prices`. */
export const priceSchema = z
  .strictObject({
    provider: providerName,
    model: modelName.describe("The provider's model; * stands for any characters"),
    source: z
      .enum(SOURCES)
      .optional()
      .describe(
        'The model costs what the model of the same name does at this source, as openai; fields of this entry win',
      ),
    like: z
      .string()
      .refine(isLike, 'must be the name of a source and its model, as openai/gpt-4o')
      .optional()
      .describe('The model costs what this one does, as openai/gpt-4o; fields of this entry win'),
    valid_from: moment.optional().describe('The entry counts from this date (00:00 UTC) or moment on'),
    valid_until: moment.optional().describe('The entry counts until this date (00:00 UTC) or moment, and not at it'),
    hours: z
      .strictObject({ from: timeOfDay, until: timeOfDay })
      .optional()
      .describe(
        'The entry counts at these hours of each day in UTC, as {from: "22:00", until: "06:00"}; it then goes before entries without hours',
      ),
    ...priceFields,
  })
  .superRefine((entry, context) => {
    const { like, source, hours } = entry;
    if (hours !== undefined && (like ?? source) !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['hours'],
        message: 'cannot stand beside like or source: a known price may have hours of its own',
      });
    if (like !== undefined && source !== undefined)
      context.addIssue({ code: 'custom', path: ['source'], message: 'like names the source already: leave it out' });
    if (like !== undefined || source !== undefined) return;
    for (const field of ['input_usd_per_million', 'output_usd_per_million'] as const)
      if (entry[field] === undefined) context.addIssue({ code: 'custom', path: [field], message: 'is required' });
  });

const defaultPriceSchema = z
  .strictObject({
    ...priceFields,
    input_usd_per_million: usdPerMillion,
    output_usd_per_million: usdPerMillion,
  })
  .describe(
    'What a model costs that has no other price. Without it, the cost of such a model is not known, and it is refused to keys with a credit limit',
  );

/** In the file a number or a string; here always the text as it stands there, so that no float rounds it. */
const usdOfCycle = z
  .union([z.string(), z.number()])
  .refine(
    (amount) => (readUsd(amount) ?? CAP_NANO_USD_MAX + 1n) <= CAP_NANO_USD_MAX,
    `must be an amount in USD from 0 to ${formatUsd(CAP_NANO_USD_MAX)} with at most 9 decimals`,
  );

const MARKUP_PERCENT_MAX = 1_000;
const markupPercent = z
  .number()
  .min(0)
  .max(MARKUP_PERCENT_MAX)
  .refine((value) => Number.isInteger(Number((value * 10_000).toFixed(6))), 'must have at most 4 decimals, as 2.5');

const rateLimit = z.int().min(1).max(1_000_000_000);

const planSchema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(80)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'must be one line without invisible characters')
    .regex(/[\p{L}\p{N}]/u, 'must have a letter or a digit')
    .refine((name) => !z.uuid().safeParse(name).success, 'must not look like an id')
    .describe('What subscriptions call it; no two plans may have the same name, in any case'),
  cycle: z.literal('month').default('month').describe('A month, from the moment of the subscription on'),
  quota_usd: usdOfCycle.describe('USD that a cycle includes'),
  price_usd: usdOfCycle.describe('USD that a cycle costs'),
  models: z
    .array(modelName)
    .min(1)
    .max(100)
    .optional()
    .describe('The names that "model" may have; * stands for any characters. Where absent: every route'),
  rate_limits: z
    .strictObject({
      requests_per_minute: rateLimit.optional(),
      tokens_per_minute: rateLimit.optional(),
      parallel_requests: rateLimit.optional(),
    })
    .optional()
    .describe('Of each key; what is absent is unlimited'),
  self_service: z.boolean().default(false).describe('true lets owners of organisations subscribe by themselves'),
  payg_allowed: z
    .boolean()
    .default(true)
    .describe('false refuses calls beyond the quota, also to those who would pay for them as they go'),
  markup_percent: markupPercent
    .optional()
    .describe('What is added to the cost of each call, in percent of it; where absent: that of the organisation'),
});

const networkAddress = z
  .string()
  .refine((text) => parseSubnet(text) !== null, 'must be an address or a network, as 10.0.0.1 or 10.0.0.0/8');

const trustedProxySchema = z.strictObject({
  addresses: z
    .array(networkAddress)
    .min(1)
    .max(1_000)
    .describe('The addresses and networks that these proxies connect from, as 10.0.0.0/8'),
  header: z
    .enum(['x-forwarded-for', 'forwarded'])
    .default('x-forwarded-for')
    .describe('The header in which they say from whom a request came; each must add to it what it sees itself'),
});

/** The shape of config.yaml. `config.schema.json` is written from it. */
export const configFileSchema = z.strictObject({
  providers: z.array(providerSchema).min(1),
  routes: z.array(routeSchema).min(1),
  prices: z
    .array(priceSchema)
    .default([])
    .describe('What models cost whose price is not known, or is another here (docs/prices.md)'),
  default_price: defaultPriceSchema.optional(),
  plans: z
    .array(planSchema)
    .max(1_000)
    .default([])
    .describe(
      'What can be subscribed to, besides the plans of the API. A change counts for present subscriptions from their next cycle on; a plan that is taken out can be subscribed to no more',
    ),
  trusted_proxies: z
    .array(trustedProxySchema)
    .max(100)
    .default([])
    .describe(
      "Proxies and load balancers before the gateway whose word on the client's address is believed; nobody else's is",
    ),
  secret_scanning: z
    .strictObject({
      github: z
        .strictObject({
          public_keys_url: publicKeysUrl
            .default('https://api.github.com/meta/public_keys/secret_scanning')
            .describe("Where GitHub's public keys are"),
        })
        .prefault({}),
    })
    .prefault({}),
  mail: z
    .strictObject({
      from: z
        .string()
        .max(254)
        .regex(/^[^\s@<>"]+@[^\s@<>"]+$/, 'must be an e-mail address')
        .default('tollgate@localhost')
        .describe('The sender of our mails'),
    })
    .prefault({}),
  webhooks: z
    .strictObject({
      allow_private_network: z
        .boolean()
        .default(false)
        .describe(
          'true lets organisations have webhooks on loopback and private addresses, and by http: only where you trust all of them with your network',
        ),
    })
    .prefault({}),
  oauth: z
    .strictObject({
      allow_without_challenge: z
        .boolean()
        .default(false)
        .describe(
          'true lets apps ask people for keys without a code_challenge: whoever then sees a code on its way can take the key',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      body_bytes_max: z
        .int()
        .min(1_024)
        .max(256 * MIB)
        .default(BODY_BYTES_DEFAULT)
        .describe('The largest body of an inference request'),
      bodies_bytes_max: z
        .int()
        .min(64 * MIB)
        .max(65_536 * MIB)
        .optional()
        .describe(
          'What the bodies of all requests under way, and their translations for other APIs, may take of the memory of a process together; half of it for one key. At least twice body_bytes_max; where absent 256 MiB, or twice body_bytes_max where that is more',
        ),
      calls_per_key_max: z
        .int()
        .min(1)
        .max(65_535)
        .default(1_024)
        .describe('The most calls that one key has under way in one gateway; more are 429'),
    })
    .prefault({}),
});

/** config.yaml as its schema has read it. */
export type ConfigFile = z.output<typeof configFileSchema>;
