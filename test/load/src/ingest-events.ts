import { randomBytes } from 'node:crypto';

/** What is booked: how many events, of how many keys, each charged to how many accounts. */
export interface IngestLoad {
  readonly events: number;
  readonly keys: number;
  /** 2: the key's and the organisation's; 5: also those of a group, a project and a subscription. */
  readonly accounts: number;
}

const KEYS_OF_AN_ORGANIZATION = 50;
/** The journals of the gateways that publish. */
export const JOURNALS = ['journal-0', 'journal-1', 'journal-2'] as const;
const MODELS = ['gpt-4o-mini', 'gpt-4o', 'claude-opus-4-8'];

/** An id as gateways make them, of this moment: UUIDv7. */
function requestId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const hex = randomBytes(10).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}

/** Events as gateways publish them today, in the order of their requests. */
export function* usageEvents({ events, keys, accounts }: IngestLoad): Generator<{ key: string; value: string }> {
  for (let at = 0; at < events; at++) {
    const key = at % keys;
    const organizationId = `organization-${Math.floor(key / KEYS_OF_AN_ORGANIZATION)}`;
    const apiKeyId = `key-${key}`;
    const model = MODELS[at % MODELS.length];
    const now = new Date();
    const [input, output] = [900 + (at % 200), 400 + (at % 100)];
    const cost = BigInt(input) * 150n + BigInt(output) * 600n;
    const named = [
      { accountId: `key:${apiKeyId}`, capNanoUsd: '9000000000000000' },
      { accountId: `organization:${organizationId}`, capNanoUsd: '9000000000000000' },
      { accountId: `group:group-${key % 7}-of-${organizationId}`, capNanoUsd: '9000000000000000' },
      { accountId: `project:project-${key % 5}-of-${organizationId}`, capNanoUsd: '9000000000000000' },
      {
        accountId: `subscription:of-${organizationId}:20261101T000000Z-20271101T000000Z`,
        capNanoUsd: '9000000000000000',
      },
    ].slice(0, accounts);
    const value = {
      eventVersion: 2,
      journalId: JOURNALS[at % JOURNALS.length],
      priceVersion: '8d314db8e650',
      organizationId,
      apiKeyId,
      accounts: named,
      secretId: `secret-${key}`,
      requestId: requestId(),
      stream: true,
      holdNanoUsd: String(cost * 2n),
      startedAt: new Date(now.getTime() - 800).toISOString(),
      clientAddress: `192.0.2.${key % 200}`,
      route: model,
      provider: 'openai',
      model,
      journalNumber: at + 1,
      outcome: 'completed',
      inputTokens: input,
      outputTokens: output,
      cachedInputTokens: 0,
      reasoningTokens: 0,
      usageSource: 'provider',
      costNanoUsd: String(cost),
      chargeNanoUsd: String(cost),
      endedAt: now.toISOString(),
      textInputTokens: input,
      cachedTextTokens: 0,
      textOutputTokens: output,
      statusCode: 200,
      firstByteMs: 100 + (at % 300),
      durationMs: 800,
      groupIds: [`group-${key % 7}-of-${organizationId}`],
      projectId: `project-${key % 5}-of-${organizationId}`,
      priceLines: [
        { class: 'text_input', quantity: input, nanoUsdPerMillion: '150000000', nanoUsd: String(input * 150) },
        { class: 'text_output', quantity: output, nanoUsdPerMillion: '600000000', nanoUsd: String(output * 600) },
      ],
    };
    yield { key: organizationId, value: JSON.stringify(value) };
  }
}
