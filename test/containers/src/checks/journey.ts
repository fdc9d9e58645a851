import { waitUntil } from '@tollgate/infra';
import { serviceOf } from '../house/house.js';
import { clientOf, mailsOf, signedByGithub, usageAt } from '../house/people.js';
import { holds, type Part } from './check.js';

export const journey: Part = {
  name: 'What a user does',
  checks: [
    {
      name: 'a key is made, called with, streamed with, and its usage is exact',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'journey', credit_limit_usd: '1' });
          const plain = await client.chat(key.secret, { max_tokens: 20 });
          holds(plain.status === 200, `the call was answered ${plain.status}: ${plain.text.slice(0, 300)}`);
          const stream = await client.openChat(key.secret, { max_tokens: 20, stream_options: { include_usage: true } });
          const { complete, text } = await stream.ended;
          holds(
            stream.status === 200 && complete && text.includes('data: [DONE]'),
            `the stream ended so: ${text.slice(-300)}`,
          );
          const usage = await usageAt(client, key, 2);
          const asked = plain.json<{ usage: { prompt_tokens: number; completion_tokens: number } }>().usage;
          const output = 2 * asked.completion_tokens;
          holds(
            usage.requests === 2 && usage.output_tokens === output,
            `the usage is ${JSON.stringify(usage)}, and ${output} tokens were delivered`,
          );
          return `${usage.requests} requests, ${usage.output_tokens} output tokens, ${usage.cost_usd} USD`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a limit is a limit: what could cost more than is left is refused',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'limit', credit_limit_usd: '0.0001' });
          const reply = await client.chat(key.secret, { max_tokens: 16_000 });
          holds(
            reply.status === 402,
            `a call beyond the limit was answered ${reply.status}: ${reply.text.slice(0, 200)}`,
          );
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a key that GitHub reports through the front door is dead before the report is answered, and its owner gets a mail',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'leaked' });
          const body = JSON.stringify([
            {
              token: key.secret,
              type: 'tollgate_api_key',
              url: 'https://github.com/o/r/blob/main/.env',
              source: 'commit',
            },
          ]);
          const headers = await signedByGithub(house, body);
          const start = performance.now();
          const report = await client.call({ method: 'POST', path: '/webhooks/github/secret-scanning', headers, body });
          const took = Math.round(performance.now() - start);
          holds(report.status === 200, `the report was answered ${report.status}: ${report.text}`);
          holds(report.text.includes('true_positive'), `the report was answered: ${report.text}`);
          const after = await client.chat(key.secret);
          holds(after.status === 401, `a call of the leaked key was answered ${after.status}`);
          const mail = await waitUntil(
            async () =>
              (await mailsOf(house)).find(({ Text, Subject }) => `${Subject}${Text}`.includes(key.masked_key)),
            { what: 'a mail about the leaked key', timeoutMs: 20_000, intervalMs: 500 },
          );
          holds(!`${mail.Subject}${mail.Text}`.includes(key.secret), 'the mail has the secret');
          return `answered in ${took} ms; the mail's subject: ${mail.Subject}`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a report that nobody signed is refused',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const body = '[]';
          const { status } = await client.call({ method: 'POST', path: '/webhooks/github/secret-scanning', body });
          holds(status >= 400 && status < 500, `it was answered ${status}`);
          return `${status}`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a key remembers the address of its caller, and not one of the balancer, nor what a header says',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'address' });
          const [front] = (await house.running()).filter(({ HostConfig }) =>
            Object.values(HostConfig.PortBindings ?? {}).some((outer) =>
              outer?.some(({ HostPort }) => HostPort === String(house.options.ports.front)),
            ),
          );
          // A caller with an address of its own, which no port translation has touched.
          const call = `
            const { networkInterfaces } = require('node:os');
            fetch('http://${serviceOf(front!)}:8080/v1/chat/completions', {
              method: 'POST',
              headers: { authorization: 'Bearer ${key.secret}', 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' },
              body: JSON.stringify({ model: 'support-bot', messages: [{ role: 'user', content: 'Hello' }] }),
            }).then((reply) => console.log(reply.status, Object.values(networkInterfaces()).flat().find((each) => !each.internal).address));`;
          const network = Object.keys(front!.NetworkSettings.Networks)[0]!;
          const image = house.options.nodeImage;
          const said = await house.docker(['run', '--rm', '--network', network, image, 'node', '-e', call]);
          const [status, own] = said.split(' ');
          holds(status === '200', `the call was answered ${said}`);
          const address = await waitUntil(
            async () => (await client.getKey(key.id)).secrets.at(-1)?.addresses?.[0]?.address,
            { what: 'the address of the last use', timeoutMs: 15_000, intervalMs: 500 },
          );
          holds(address === own, `the caller had ${own}, and the key remembers ${address}`);
          return address;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'operations listeners and internal paths are not behind the front door',
      run: async ({ house }) => {
        const statuses = await Promise.all(
          [
            '/metrics',
            '/readyz',
            '/internal/reconciliation?organization_id=default',
            '/internal/subscription-keys',
          ].map(async (path) => `${path.split('?')[0]} ${(await fetch(`${house.url}${path}`)).status}`),
        );
        const open = statuses.filter((each) => / 2\d\d$/.test(each));
        holds(open.length === 0, `answered: ${open.join(', ')}`);
        return statuses.join(', ');
      },
    },
  ],
};
