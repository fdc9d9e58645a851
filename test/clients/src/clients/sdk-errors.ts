import type { Failed } from '../kit/client.js';

/** Reads an error as most SDKs throw it: with `status`, or `statusCode`. */
export function failedOf(error: unknown): Failed {
  const { status, statusCode, message } = error as { status?: number; statusCode?: number; message?: string };
  return { status: status ?? statusCode, message: message ?? String(error) };
}
