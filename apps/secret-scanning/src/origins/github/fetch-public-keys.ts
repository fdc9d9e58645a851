import { request } from 'undici';
import { z } from 'zod';
import type { PublishedKey } from './public-keys.js';

const TIMEOUT_MS = 5_000;
const BYTES_MAX = 256 * 1024;

const list = z.object({ public_keys: z.array(z.unknown()) });
const entry = z.object({ key_identifier: z.string(), key: z.string() });

/**
 * Fetches the list from a fixed address, without redirects, within 5 s and 256 KiB. An entry that cannot be read
 * becomes null, so that the others can still be used. Rejects for any answer but a 200 with such a list.
 */
export async function fetchPublicKeys(url: string): Promise<(PublishedKey | null)[]> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { statusCode, body } = await request(url, {
    signal,
    headers: { accept: 'application/json', 'user-agent': 'tollgate' },
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`answered ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new Error(`answered more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return list.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).public_keys.map(publishedKey);
}

function publishedKey(value: unknown): PublishedKey | null {
  const read = entry.safeParse(value);
  return read.success ? { identifier: read.data.key_identifier, pem: read.data.key } : null;
}
