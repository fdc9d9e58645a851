import type { Simulation } from './simulated-outside.js';

export interface Greeting {
  readonly url: string;
  readonly operationsUrl: string;
  readonly dataFolder: string;
  /** Shown this once, where it was just made. */
  readonly newAdminSecret: string | null;
  readonly adminSecretFromEnvironment: boolean;
  /** Where simulators stand in for the outside world. */
  readonly simulation: Pick<Simulation, 'providers' | 'leakUrl'> | null;
  /** Why some models, or all, are not served. */
  readonly problem: string | null;
  readonly mailFolder: string | null;
  readonly model: string;
  /** Variables that are set and mean nothing here. */
  readonly unused: readonly string[];
}

/** What a start prints: where to look, the admin secret if it is new, and a line that makes the first key. */
export function greeting(facts: Greeting): string {
  const lines = [
    `Tollgate is ready on ${facts.url}`,
    '',
    `  metrics, readiness   ${facts.operationsUrl}/metrics, ${facts.operationsUrl}/readyz`,
    `  data                 ${facts.dataFolder}`,
    ...(facts.mailFolder === null ? [] : [`  mail                 ${facts.mailFolder}`]),
    ...(facts.newAdminSecret === null
      ? []
      : [`  admin secret         ${facts.newAdminSecret}   (shown this once; keep it)`]),
  ];
  if (facts.simulation !== null) {
    lines.push(
      '',
      `A simulator answers in the place of ${facts.simulation.providers.join(', ')}: no provider is called, and costs are not real.`,
      `Another stands in for GitHub: a secret posted to ${facts.simulation.leakUrl} is reported as leaked.`,
    );
  }
  if (facts.problem !== null) lines.push('', `Not all is served: ${facts.problem}.`);
  if (facts.unused.length > 0) {
    const [are, they] = facts.unused.length === 1 ? ['is', 'it belongs'] : ['are', 'they belong'];
    lines.push('', `${facts.unused.join(' and ')} ${are} set, and not used: ${they} to the services run on their own.`);
  }
  const secret = facts.newAdminSecret ?? (facts.adminSecretFromEnvironment ? '$TOLLGATE_ADMIN_SECRET' : null);
  if (secret !== null) {
    const body = JSON.stringify({ name: 'first key', credit_limit_usd: '5' });
    lines.push(
      '',
      'Make a key:',
      '',
      `  curl -s ${facts.url}/v1/api-keys -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" -d '${body}'`,
    );
  }
  lines.push('', `Call a model with its secret: POST ${facts.url}/v1/chat/completions, model "${facts.model}".`, '');
  return lines.join('\n');
}
