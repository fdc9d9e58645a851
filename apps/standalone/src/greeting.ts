import type { Simulation } from './simulated-outside.js';

/** How the owner of the first organisation signs in, who has never done so. */
export interface FirstSignIn {
  readonly email: string;
  /** A link that does it once, within an hour; null for an owner who has a password. */
  readonly link: string | null;
}

/** The facts that a start prints. */
export interface Greeting {
  readonly url: string;
  readonly operationsUrl: string;
  readonly dataFolder: string;
  /** An admin secret that this start made, to be shown this once; null otherwise. */
  readonly newAdminSecret: string | null;
  readonly adminSecretFromEnvironment: boolean;
  /** The simulators that replace providers and GitHub; null if there are none. */
  readonly simulation: Pick<Simulation, 'providers' | 'leakUrl'> | null;
  /** The reason why some or all models are not served; null if all are. */
  readonly problem: string | null;
  readonly mailFolder: string | null;
  /** How the owner signs in for the first time; null once an owner has. */
  readonly firstSignIn: FirstSignIn | null;
  readonly model: string;
  /** Variables that are set but that the standalone does not use. */
  readonly unused: readonly string[];
}

/** The text that a start prints: the addresses, the admin secret if it is new, and a command that makes a key. */
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
  if (facts.firstSignIn !== null) lines.push('', ...firstSignInLines(facts.firstSignIn, facts.url));
  if (facts.simulation !== null) {
    lines.push(
      '',
      `A simulator answers in the place of ${facts.simulation.providers.join(', ')}: no provider is called, and costs are not real.`,
      `Another stands in for GitHub: a secret posted to ${facts.simulation.leakUrl} is reported as leaked.`,
    );
  }
  if (facts.problem !== null) lines.push('', `Some or all models are not served: ${facts.problem}.`);
  if (facts.unused.length > 0) {
    const [are, they] = facts.unused.length === 1 ? ['is', 'it belongs'] : ['are', 'they belong'];
    lines.push('', `${facts.unused.join(' and ')} ${are} set but not used: ${they} to the distributed services.`);
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

function firstSignInLines({ email, link }: FirstSignIn, url: string): string[] {
  if (link === null) return [`${email} signs in on ${url}/sign-in with the password of INIT_OWNER_PASSWORD.`];
  return [`${email} signs in by this link, once and within an hour:`, '', `  ${link}`];
}
