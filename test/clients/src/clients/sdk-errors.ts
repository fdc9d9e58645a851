import type { Failed } from '../kit/client.js';

interface Thrown {
  readonly status?: number;
  readonly statusCode?: number;
  readonly message?: string;
  readonly cause?: Thrown;
}

/**
 * Reads an error as most SDKs throw it: with `status`, or `statusCode`. LangChain has an error of its own for some, as
 * for a conversation that is too long, with the SDK's as its cause.
 */
export function failedOf(error: unknown): Failed {
  const { status, statusCode, message, cause } = error as Thrown;
  return { status: status ?? statusCode ?? cause?.status, message: message ?? String(error) };
}
