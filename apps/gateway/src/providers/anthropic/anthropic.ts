import type { DialectName } from '../../dialects/dialect-name.js';
import type { ProviderType } from '../provider-type.js';
import { anthropicHeaders, DEFAULT_HEADERS } from './anthropic-headers.js';

const DIALECTS: ReadonlySet<DialectName> = new Set(['anthropic-messages', 'anthropic-count-tokens']);
const ANTHROPIC_HOST = 'api.anthropic.com';
/** Matches base URLs that end before the version, as clients of this API write them. */
const WITHOUT_VERSION = /(?<!\/v1)$/;

/** Anthropic's own API, and servers that imitate it. */
export const anthropic: ProviderType = {
  dialectsOf: () => DIALECTS,
  pathsOf({ baseUrl }) {
    const base = new URL(baseUrl).pathname.replace(/\/$/, '').replace(WITHOUT_VERSION, '/v1');
    return (operation) => base + operation;
  },
  credentialHeaders: (credential) => ['x-api-key', credential],
  callerHeaders: anthropicHeaders,
  defaultHeaders: DEFAULT_HEADERS,
  // The dialect demands a ceiling of the caller, and its streams always report their usage.
  knownFields: ({ baseUrl }) => ({
    ceilingField: 'max_tokens',
    streamOptions: false,
    endsAtZero: new URL(baseUrl).hostname === ANTHROPIC_HOST,
  }),
  blamesConfiguration: () => false,
};
