import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** As many bytes as a digest of SHA-256 has; Standard Webhooks allows 24 to 64. */
const SECRET_BYTES = 32;

/** A new secret of a webhook, in the form of Standard Webhooks. */
export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** One attempt to deliver a message. */
export interface SignedMessage {
  /** The same for all attempts; it has no full stop. */
  readonly id: string;
  /** Of the attempt: receivers refuse what is older than some minutes. */
  readonly at: Date;
  /** The text that is sent, to the byte. */
  readonly body: string;
}

/**
 * The headers of Standard Webhooks: `id.seconds.body` is signed with the bytes that stand in base64 behind `whsec_`.
 * There is a signature for each secret, so that a receiver that knows one of them takes the message.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function webhookHeaders({ id, at, body }: SignedMessage, secrets: readonly string[]): Record<string, string> {
  const seconds = Math.floor(at.getTime() / 1_000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') };
}

/** What a sealed secret belongs to. */
export const sealedForWebhook = (organizationId: string, webhookId: string): readonly string[] => [
  'webhook',
  organizationId,
  webhookId,
];
