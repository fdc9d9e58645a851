import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { repository } from '../kit/app-script.js';
import { inventedSecret } from '../kit/invented-secret.js';
import type { Shape } from '../kit/shape.js';

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly target: { readonly type: string; readonly id: string };
}

/** Who has done what, and who was refused. */
export function theAuditTrail(shape: () => Shape): void {
  describe('the audit trail', () => {
    const entries = async (client: ReturnType<Shape['client']>, query: string) =>
      (await client.admin('GET', `/v1/audit-logs?${query}`)).json<{ data: readonly Entry[] }>().data;

    it('has every change of an organisation, by which request, and verifies', async () => {
      const client = await shape().client().newOrganization('audited');
      const { id } = await client.createKey({ name: 'watched' });
      const revoked = await client.admin('POST', `/v1/api-keys/${id}/revoke`);
      expect(await entries(client, `target_id=${id}`)).toMatchObject([
        {
          action: 'api_key.revoked',
          address: '127.0.0.1',
          request_id: revoked.requestId,
          changes: { revoke_reason: { from: null, to: 'revoked' } },
        },
        { action: 'api_key.created', actor: { type: 'admin_secret' }, changes: { name: { to: 'watched' } } },
      ]);
      const verification = await client.admin('GET', '/v1/audit-logs/verification');
      expect(verification.json()).toMatchObject({ valid: true, complete: true, verified: 3 });
    });

    it('has the refused calls of all services, and no secret that was tried', async () => {
      const secret = inventedSecret();
      shape().canaries.keySecrets.add(secret);
      const refused = [];
      for (const path of ['/v1/api-keys', '/v1/usage'])
        refused.push(
          await shape()
            .client()
            .call({ method: 'GET', path, headers: { authorization: `Bearer ${secret}` } }),
        );
      expect(refused.map(({ status }) => status)).toEqual([401, 401]);
      for (const route of ['GET /v1/api-keys', 'GET /v1/usage'])
        await waitUntil(
          async () => {
            const query = `trail=installation&stream=refusals&target_id=${encodeURIComponent(route)}`;
            return (await entries(shape().client(), query)).length > 0;
          },
          { what: `the refusal of ${route} to be in the trail`, timeoutMs: 30_000 },
        );
    });

    it('has what is set against an organisation by billing, from what to what, once, and verifies', async () => {
      const client = await shape().client().newOrganization('agreed with');
      const { organizationId } = client;
      const grant = { organization_id: organizationId, amount_usd: '25' };
      const granted = await client.admin('POST', '/v1/credit-grants', grant);
      const paid = await client.admin('PUT', `/v1/organizations/${organizationId}/billing`, { markup_percent: 7.5 });
      const hook = { url: 'https://hooks.example.com/T000/a-path-that-nobody-may-know', events: ['api_key.leaked'] };
      const webhook = await client.admin('POST', '/v1/webhooks', hook);
      expect([granted.status, paid.status, webhook.status]).toEqual([201, 200, 201]);
      const { id, secret } = webhook.json<{ id: string; secret: string }>();
      await client.admin('POST', `/v1/webhooks/${id}/rotate`, {});
      await waitUntil(async () => (await entries(client, 'action=webhook.rotated')).length === 1, {
        what: 'the trail has all of it',
        timeoutMs: 30_000,
      });
      const all = await entries(client, 'stream=changes');
      expect(all.map(({ action }) => action).sort()).toEqual([
        'credit_grant.created',
        'organization.created',
        'organization_billing.updated',
        'organization_billing.updated',
        'webhook.created',
        'webhook.rotated',
      ]);
      expect(all.find(({ request_id }) => request_id === paid.requestId)).toMatchObject({
        actor: { type: 'admin_secret' },
        address: '127.0.0.1',
        changes: { markup_percent: { from: '0', to: '7.5' } },
      });
      expect(JSON.stringify(all)).not.toContain('nobody-may-know');
      expect(JSON.stringify(all)).not.toContain(secret.slice(6));
      const verification = await client.admin('GET', '/v1/audit-logs/verification');
      expect(verification.json()).toMatchObject({ valid: true, complete: true });
    });

    it('has who was refused what the operator alone may set', async () => {
      const client = await shape().client().newOrganization('refused');
      const { secret } = await client.createKey({ name: 'of everything', scopes: ['admin'] });
      const refused = await client.call({
        method: 'POST',
        path: '/v1/credit-grants',
        headers: { authorization: `Bearer ${secret}` },
        body: { organization_id: client.organizationId, amount_usd: '1000' },
      });
      expect(refused.status).toBe(403);
      await waitUntil(
        async () => (await entries(client, `stream=refusals&request_id=${refused.requestId}`)).length === 1,
        { what: 'the refusal to be in the trail', timeoutMs: 30_000 },
      );
    });

    it('is exported to a file, which a command verifies, and finds a changed letter in', async () => {
      const client = await shape().client().newOrganization('exported');
      await client.createKey({ name: 'a key \u{1f511} of an export' });
      const { text: exported } = await client.admin('GET', '/v1/audit-logs/export');
      const folder = await mkdtemp(join(tmpdir(), 'tollgate-audit-'));
      try {
        const file = join(folder, 'audit-trail.jsonl');
        await writeFile(file, exported);
        expect(await verifying(file)).toMatchObject({
          code: 0,
          output: expect.stringContaining('untouched, 2 entries'),
        });
        await writeFile(file, exported.replace('of an export', 'of an eXport'));
        expect(await verifying(file)).toMatchObject({ code: 1, output: expect.stringContaining('line 3: entry 2') });
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });
}

/** What `npm run audit:verify -- FILE` says, and with which code it ends. */
async function verifying(file: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = `${repository}apps/key-management/dist/audit/verify-command.js`;
  const child = spawn(process.execPath, [command, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const output = await text(child.stdout);
  return { code: (await ended)[0], output };
}
