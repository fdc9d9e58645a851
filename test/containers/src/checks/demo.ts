import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, waitUntil } from '@tollgate/infra';
import { House } from '../house/house.js';
import { buildImage, inImage } from '../house/image.js';
import { clientOf } from '../house/people.js';
import { holds, NotTried, type Part } from './check.js';

export const demo: Part = {
  name: 'The demonstration',
  needsHouse: false,
  checks: [
    {
      name: 'the image `demo` is this one with what stands in for providers',
      run: async ({ env, repository, demoImage }) => {
        const seconds = await buildImage({ env, context: repository, tag: demoImage, target: 'demo' });
        const found = await inImage(env, demoImage, 'ls /tollgate/test');
        holds(found.includes('provider-simulator'), `it holds ${found}`);
        return `${seconds} s; ${found.split('\n').join(', ')}`;
      },
    },
    {
      name: 'the profile comes up, and shows 30 days of usage',
      run: async ({ house: { options }, repository, env, version }) => {
        if (!existsSync(join(repository, 'deploy/docker/demo.env')))
          throw new NotTried('there is no deploy/docker/demo.env');
        const ports = { front: await freePort(), mail: await freePort() };
        const project = `check-${randomBytes(3).toString('hex')}`;
        const house = new House({ env, repository, nodeImage: options.nodeImage, project, ports, version });
        await house.makeSecrets();
        try {
          const start = performance.now();
          const command = ['compose', '--env-file', 'deploy/docker/demo.env', '--project-name', project];
          await house.docker([...command, 'up', '--detach', '--no-build', '--wait', '--wait-timeout', '420'], {
            cwd: house.folder,
            timeoutMs: 600_000,
          });
          const seconds = Math.round((performance.now() - start) / 1000);
          const client = clientOf(house);
          try {
            const days = await waitUntil(
              async () => {
                const from = new Date(Date.now() - 31 * 86_400_000).toISOString();
                const to = new Date().toISOString();
                const reply = await client.admin('GET', `/v1/usage?interval=day&from=${from}&to=${to}`);
                holds(reply.status === 200, `usage was answered ${reply.status}: ${reply.text.slice(0, 300)}`);
                const rows = reply
                  .json<{ series: readonly { requests: number }[] }>()
                  .series.filter(({ requests }) => requests > 0);
                return rows.length >= 30 && rows.length;
              },
              { what: '30 days with usage', timeoutMs: 120_000, intervalMs: 2_000 },
            );
            return `up in ${seconds} s; ${days} days`;
          } finally {
            await client.close();
          }
        } finally {
          await house.remove();
        }
      },
    },
  ],
};
