/** How the upstream is spoken to for each of its answers, by the first part of the path at which it gives it. */
export const UPSTREAM_REPLIES = {
  'reply-1k': 'chat',
  'stream-64': 'chat',
  'stream-64-paced': 'chat',
  'message-1k': 'messages',
  'message-stream-64': 'messages',
  'response-1k': 'responses',
  'vector-8k': 'embeddings',
} as const satisfies Readonly<Record<string, Dialect>>;

/** What the upstream answers. */
export type UpstreamReply = keyof typeof UPSTREAM_REPLIES;

/** The shape of a request and of its answer. */
export type Dialect = 'chat' | 'messages' | 'responses' | 'embeddings';

/** Where requests of a dialect go. */
export const PATHS: Readonly<Record<Dialect, string>> = {
  chat: '/v1/chat/completions',
  messages: '/v1/messages',
  responses: '/v1/responses',
  embeddings: '/v1/embeddings',
};

export interface Scenario {
  readonly name: string;
  readonly says: string;
  /** What its clients speak; where the upstream's answer is of another dialect, the gateway translates. */
  readonly speaks: Dialect;
  readonly upstreamReply: UpstreamReply;
  /** Bytes of the request's body. */
  readonly bodyBytes: number;
  /** `unknown` is a secret of nobody's with a valid checksum, `malformed` one whose checksum fails. */
  readonly credential: 'one key' | 'many keys' | 'key under budgets' | 'unknown' | 'malformed';
  /** The scenario whose load the floor gets in this one's place: the same body, the same answer. */
  readonly floor: string;
}

/** The scenario whose key is under five accounts: that of `chat-1k` is under two. */
export const FIVE_ACCOUNTS = 'five-accounts';

export const scenarios: readonly Scenario[] = [
  {
    name: 'chat-1k',
    says: '1 KB in, 1 KB out',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'chat-1k',
  },
  {
    name: 'many-keys',
    says: 'chat-1k with 10,000 keys, chosen by Zipf',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'many keys',
    floor: 'chat-1k',
  },
  {
    name: FIVE_ACCOUNTS,
    says: 'chat-1k with budgets of two groups and a project besides',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'key under budgets',
    floor: 'chat-1k',
  },
  {
    name: 'refused',
    says: 'chat-1k with a key nobody has',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'unknown',
    floor: 'chat-1k',
  },
  {
    name: 'refused-form',
    says: 'chat-1k with a key whose checksum fails',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'malformed',
    floor: 'chat-1k',
  },
  {
    name: 'chat-32k',
    says: '32 KB in, 1 KB out',
    speaks: 'chat',
    upstreamReply: 'reply-1k',
    bodyBytes: 32_768,
    credential: 'one key',
    floor: 'chat-32k',
  },
  {
    name: 'stream-64',
    says: '64 chunks back to back',
    speaks: 'chat',
    upstreamReply: 'stream-64',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64',
  },
  {
    name: 'stream-64-paced',
    says: '64 chunks, 20 ms apart',
    speaks: 'chat',
    upstreamReply: 'stream-64-paced',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64-paced',
  },
  {
    name: 'messages-1k',
    says: "1 KB in, 1 KB out, in Anthropic's Messages",
    speaks: 'messages',
    upstreamReply: 'message-1k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'messages-1k',
  },
  {
    name: 'messages-on-openai-1k',
    says: 'messages-1k at a provider that is spoken to in chat completions',
    speaks: 'messages',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'chat-1k',
  },
  {
    name: 'stream-64-messages',
    says: '64 chunks back to back, in Messages',
    speaks: 'messages',
    upstreamReply: 'message-stream-64',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64-messages',
  },
  {
    name: 'stream-64-messages-on-openai',
    says: 'stream-64-messages at a provider that is spoken to in chat completions',
    speaks: 'messages',
    upstreamReply: 'stream-64',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64',
  },
  {
    name: 'responses-1k',
    says: "1 KB in, 1 KB out, in OpenAI's Responses",
    speaks: 'responses',
    upstreamReply: 'response-1k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'responses-1k',
  },
  {
    name: 'embeddings',
    says: '1 KB in, a vector of 1,536 numbers out',
    speaks: 'embeddings',
    upstreamReply: 'vector-8k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'embeddings',
  },
];

/** The scenarios of these names; `refused` is both kinds of refusal. Throws a TypeError for an unknown name. */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  const wanted = new Set(names.flatMap((name) => (name === 'refused' ? ['refused', 'refused-form'] : [name])));
  const unknown = [...wanted].filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new TypeError(
      `unknown scenario: ${unknown.join(', ')}. There are ${scenarios.map(({ name }) => name).join(', ')}.`,
    );
  return scenarios.filter(({ name }) => wanted.has(name));
}

export function isRefused({ credential }: Scenario): boolean {
  return credential === 'unknown' || credential === 'malformed';
}

export function isPaced({ upstreamReply }: Pick<Scenario, 'upstreamReply'>): boolean {
  return upstreamReply === 'stream-64-paced';
}

export function isStream({ upstreamReply }: Pick<Scenario, 'upstreamReply'>): boolean {
  return upstreamReply.includes('stream');
}

/** The chat scenario that one of another dialect is held against; null for chat itself, or an unknown name. */
export function inChat(name: string): 'chat-1k' | 'stream-64' | null {
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined || scenario.speaks === 'chat') return null;
  return isStream(scenario) ? 'stream-64' : 'chat-1k';
}
