import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '@tollgate/infra';
import { TollgateClient, type CreatedKey, type UsageTotals } from '@tollgate/journey';
import type { House } from './house.js';

/** An operator and caller of the house through its front door. */
export function clientOf(house: House, url = house.url): TollgateClient {
  return new TollgateClient(url, secretOf(house, 'tollgate_admin_secret'), new Set());
}

/** The value of a file that `make-secrets.sh` made. */
export function secretOf(house: House, name: string): string {
  return readFileSync(join(house.folder, 'secrets', name), 'utf8').trim();
}

/** The usage of a key once it says so many requests; rejects where it does not, with what it says. */
export async function usageAt(
  client: TollgateClient,
  key: CreatedKey,
  requests: number,
  timeoutMs = 30_000,
): Promise<UsageTotals> {
  let last: UsageTotals | undefined;
  try {
    return await waitUntil(
      async () => {
        last = await client.usage(key.id);
        return last.requests >= requests && last;
      },
      { what: `${requests} requests in the usage`, timeoutMs, intervalMs: 500 },
    );
  } catch (error) {
    throw new Error(
      `the usage says ${JSON.stringify(last)}, and not ${requests} requests: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** Waits until a call of this key is answered: after a start the balancer may need a moment. */
export async function untilServed(client: TollgateClient, secret: string, timeoutMs = 60_000): Promise<void> {
  await waitUntil(async () => (await client.chat(secret, { max_tokens: 1 })).status === 200, {
    what: 'a call to be answered',
    timeoutMs,
    intervalMs: 500,
  });
}

interface Mail {
  readonly Subject: string;
  readonly Text: string;
  readonly To: readonly { readonly Address: string }[];
}

/** The mails that the catcher holds, newest first, with their text. */
export async function mailsOf(house: House): Promise<Mail[]> {
  const read = async <T>(path: string) => (await (await fetch(`${house.mailUrl}/api/v1/${path}`)).json()) as T;
  const { messages } = await read<{ messages: { ID: string }[] }>('messages?limit=20');
  return Promise.all(messages.map(({ ID }) => read<Mail>(`message/${ID}`)));
}

/** The headers with which GitHub would sign a report of these bytes, whose key the house fetches. */
export async function signedByGithub(house: House, body: string): Promise<Record<string, string>> {
  const [github] = await house.running(['check-github']);
  const ask = `
    let body = ''; process.stdin.on('data', (part) => (body += part)).on('end', async () => {
      const reply = await fetch('http://127.0.0.1:8091/sign', { method: 'POST', body });
      console.log(await reply.text());
    });`;
  const { stdout, stderr } = await house.exec(github!, ['node', '-e', ask], { input: body });
  try {
    return JSON.parse(stdout) as Record<string, string>;
  } catch {
    throw new Error(`GitHub's stand-in did not sign: ${stdout}${stderr}`);
  }
}
