import type { Deployment } from '../deployment.js';
import { limits } from './seed-keys.js';

const USD = 1_000_000_000n;
/** More than any run spends, and less than what the organisation may. */
const BUDGET_USD = '500000';
/** The most that the API takes. */
const TOKENS_PER_MINUTE = 1_000_000_000;

/**
 * Makes a key with the limits of the seeded ones that is under five accounts: its own, the organisation's, and the
 * budgets of its two groups and its project. Resolves with its secret. Rejects where a call is refused.
 */
export async function makeKeyUnderBudgets(deployment: Pick<Deployment, 'gatewayUrl' | 'adminSecret'>): Promise<string> {
  const made = async <Made>(path: string, fields: object): Promise<Made> => {
    const reply = await fetch(`${deployment.gatewayUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${deployment.adminSecret}`, 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    });
    if (reply.status !== 201) throw new Error(`POST ${path} was answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as Made;
  };
  const groups = [];
  for (const name of ['load one', 'load two']) groups.push((await made<{ id: string }>('/v1/groups', { name })).id);
  const project = await made<{ id: string }>('/v1/projects', { name: 'load' });
  for (const owner of [...groups.map((id) => ({ group_id: id })), { project_id: project.id }])
    await made('/v1/budgets', { ...owner, amount_usd: BUDGET_USD, reset: 'monthly' });
  const { secret } = await made<{ secret: string }>('/v1/api-keys', {
    name: 'load under budgets',
    groups,
    project_id: project.id,
    credit_limit_usd: (limits.keyCapNanoUsd / USD).toString(),
    rate_limits: { requests_per_minute: limits.requestsPerMinute, tokens_per_minute: TOKENS_PER_MINUTE },
    models: limits.models,
    allowed_ips: limits.allowedIps,
  });
  return secret;
}
