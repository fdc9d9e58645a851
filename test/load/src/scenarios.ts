/** What the upstream answers, and the first part of the path at which it does. */
export type UpstreamReply = 'reply-1k' | 'stream-64' | 'stream-64-paced';

export interface Scenario {
  readonly name: string;
  readonly says: string;
  readonly upstreamReply: UpstreamReply;
  /** Bytes of the request's body. */
  readonly bodyBytes: number;
  /** `unknown` is a secret of nobody's with a valid checksum, `malformed` one whose checksum fails. */
  readonly credential: 'one key' | 'many keys' | 'unknown' | 'malformed';
  /** The scenario whose load the floor gets in this one's place: the same body, the same answer. */
  readonly floor: string;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'chat-1k',
    says: '1 KB in, 1 KB out',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'chat-1k',
  },
  {
    name: 'many-keys',
    says: 'chat-1k with 10,000 keys, chosen by Zipf',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'many keys',
    floor: 'chat-1k',
  },
  {
    name: 'refused',
    says: 'chat-1k with a key nobody has',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'unknown',
    floor: 'chat-1k',
  },
  {
    name: 'refused-form',
    says: 'chat-1k with a key whose checksum fails',
    upstreamReply: 'reply-1k',
    bodyBytes: 1_024,
    credential: 'malformed',
    floor: 'chat-1k',
  },
  {
    name: 'chat-32k',
    says: '32 KB in, 1 KB out',
    upstreamReply: 'reply-1k',
    bodyBytes: 32_768,
    credential: 'one key',
    floor: 'chat-32k',
  },
  {
    name: 'stream-64',
    says: '64 chunks back to back',
    upstreamReply: 'stream-64',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64',
  },
  {
    name: 'stream-64-paced',
    says: '64 chunks, 20 ms apart',
    upstreamReply: 'stream-64-paced',
    bodyBytes: 1_024,
    credential: 'one key',
    floor: 'stream-64-paced',
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

export function isPaced({ upstreamReply }: Scenario): boolean {
  return upstreamReply === 'stream-64-paced';
}

export function isStream({ upstreamReply }: Scenario): boolean {
  return upstreamReply !== 'reply-1k';
}
