/**
 * Values of `anthropic-beta`, by the beginning of their names; a date follows. Anthropic's pages on its beta features,
 * read in November 2026.
 */

/**
 * Features that can change the price or the model of a request: another speed, a context whose tokens cost more, other
 * models where the first one declines, credit for those.
 */
const DEARER = ['fast-mode-', 'context-1m-', 'server-side-fallback-', 'fallback-credit-'];

/**
 * Features whose cost is that of the tokens and tools in the body, all of which are checked there. The header alone
 * asks for nothing.
 */
const HARMLESS = [
  'adaptive-thinking-',
  'advanced-tool-use-',
  'advisor-tool-',
  'afk-mode-',
  'cache-diagnosis-',
  'claude-code-',
  'code-execution-',
  'compact-',
  'computer-use-',
  'context-management-',
  'dangerous-tool-use-',
  'effort-',
  'extended-cache-ttl-',
  'files-api-',
  'fine-grained-tool-streaming-',
  'inline-tools-',
  'interleaved-thinking-',
  'max-tokens-3-5-sonnet-',
  'mcp-client-',
  'mcp-servers-',
  'message-batches-',
  'message-threads-',
  'mid-conversation-output-config-',
  'mid-conversation-system-',
  'mid-conversation-tool-changes-',
  'model-context-window-exceeded-',
  'output-128k-',
  'oauth-',
  'pdfs-',
  'per-turn-control-',
  'prompt-caching-',
  'redact-thinking-',
  'search-results-',
  'skills-',
  'structured-outputs-',
  'summarize-connector-text-',
  'task-budgets-',
  'thinking-binding-controls-',
  'thinking-display-updates-',
  'thinking-token-count-',
  'token-counting-',
  'token-efficient-tools-',
  'tool-examples-',
  'tool-search-tool-',
  'web-fetch-',
];

/** How the names of all beta features are spelt. */
const NAME = /^[a-z0-9.-]+$/;

/** What a value of `anthropic-beta` may do to the cost of a request. */
export function betaKind(value: string): 'harmless' | 'dearer' | 'unknown' {
  const name = value.toLowerCase();
  // Behind a space or another mark a second value may stand, for a server that divides values there.
  if (!NAME.test(name)) return DEARER.some((start) => name.includes(start)) ? 'dearer' : 'unknown';
  if (DEARER.some((start) => name.startsWith(start))) return 'dearer';
  return HARMLESS.some((start) => name.startsWith(start)) ? 'harmless' : 'unknown';
}

/** Whether an entry's `allow_betas` has a value: by its whole name, or by a beginning that ends with a dash. */
export function isBetaAllowed(value: string, allowed: readonly string[]): boolean {
  const name = value.toLowerCase();
  return NAME.test(name) && allowed.some((each) => name === each || (each.endsWith('-') && name.startsWith(each)));
}
