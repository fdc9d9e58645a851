import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, tempFolder } from '@tollgate/infra';
import { TollgateClient } from '@tollgate/journey';
import { House } from '../house/house.js';
import { bringBases } from '../bases/stand-in-images.js';
import { baseImagesOf, buildImage } from '../house/image.js';
import { clientOf, untilServed, usageAt } from '../house/people.js';
import { output, run } from '../program.js';
import { holds, NotTried, type Part } from './check.js';

/** What the README of the release before said must be in `.env`. */
const formerSecrets = [
  'ADMIN_SECRET',
  'SERVICE_SECRET',
  'PEPPER',
  'REDIS_PASSWORD',
  'POSTGRES_PASSWORD',
  'KEYS_POSTGRES_PASSWORD',
  'BILLING_POSTGRES_PASSWORD',
  'SCANNING_POSTGRES_PASSWORD',
].map((name) => `TOLLGATE_${name}`);

export const upgrade: Part = {
  name: 'What a former release has left',
  needsHouse: false,
  checks: [
    {
      name: 'the volumes of the former compose file come up with this one: keys, usage and the bus go on',
      run: async ({ house: { options }, repository, env, version, former, cache }) => {
        if (former === undefined) throw new NotTried('no former release was named: --from REF');
        const folder = join(tempFolder('tollgate-former'), 'checkout');
        await output('sh', ['-c', `mkdir '${folder}' && git archive '${former}' | tar -x -C '${folder}'`], {
          cwd: repository,
        });
        await bringBases({ env }, await baseImagesOf(env, folder), cache);
        const formerVersion = `former-${former}`;
        if ((await run('docker', ['image', 'inspect', `tollgate:${formerVersion}`], { env })).code !== 0) {
          await buildImage({ env, context: folder, tag: `tollgate:${formerVersion}` });
          await addKnownPrices(env, folder, `tollgate:${formerVersion}`);
        }
        const project = `check-${randomBytes(3).toString('hex')}`;
        const ports = { front: await freePort(), mail: await freePort() };
        const common = { env, repository, nodeImage: options.nodeImage, project, ports };
        const before = new House({ ...common, version: formerVersion, release: { folder, outside: 'services' } });
        const secrets = new Map(formerSecrets.map((name) => [name, randomBytes(24).toString('hex')]));
        const dotEnv = [...secrets, ['OPENAI_API_KEY', before.providerCredential]]
          .map(([name, value]) => `${name}=${value}\n`)
          .join('');
        writeFileSync(join(before.folder, '.env'), dotEnv);
        const stores = ['POSTGRES', 'REDIS', 'KAFKA'];
        for (const name of stores) before.env[`TOLLGATE_${name}_PORT`] = String(await freePort());
        before.env['TOLLGATE_PUBLISHED_PORTS'] = String(ports.front);
        try {
          await before.up();
          const client = new TollgateClient(before.url, secrets.get('TOLLGATE_ADMIN_SECRET')!, new Set());
          const key = await client.createKey({ name: 'of the release before', credit_limit_usd: '1' });
          await untilServed(client, key.secret);
          const used = await usageAt(client, key, 1);
          await client.close();
          await before.composed(['down', '--remove-orphans'], { timeoutMs: 300_000 });

          const after = new House({ ...common, version });
          writeFileSync(join(after.folder, '.env'), dotEnv);
          await after.makeSecrets();
          const start = performance.now();
          await after.up();
          const seconds = Math.round((performance.now() - start) / 1000);
          const again = clientOf(after);
          try {
            await untilServed(again, key.secret);
            const usage = await usageAt(again, key, used.requests + 1, 60_000);
            holds(usage.requests === used.requests + 1, `the usage says ${JSON.stringify(usage)}`);
            return `up in ${seconds} s; ${used.requests} requests before, ${usage.requests} after one more`;
          } finally {
            await again.close();
            await after.remove();
          }
        } finally {
          await before.remove();
        }
      },
    },
  ],
};

/** One release left them out of its image, whose programs then ended at their start. Elsewhere they change nothing. */
async function addKnownPrices(env: NodeJS.ProcessEnv, folder: string, tag: string): Promise<void> {
  const data = 'libs/server/known-prices/data';
  if (!existsSync(join(folder, data))) return;
  const input = `FROM ${tag}\nCOPY ${data} /tollgate/${data}\n`;
  await output('docker', ['build', '--quiet', '--tag', tag, '--file', '-', '.'], { env, cwd: folder, input });
}
