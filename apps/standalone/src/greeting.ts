import type { ShownSecret } from './shown-secret.js';
import type { Simulation } from './simulated-outside.js';

/** How the owner of the first organisation signs in, who has never done so. */
export interface FirstSignIn {
  readonly email: string;
  /** A link that does it once, within an hour; null for an owner who has a password. */
  readonly link: ShownSecret | null;
}

/** The facts that a start prints. */
export interface Greeting {
  readonly url: string;
  readonly operationsUrl: string;
  readonly dataFolder: string;
  /** An admin secret that this start made, to be shown this once; null otherwise. */
  readonly newAdminSecret: ShownSecret | null;
  /** The file into which an earlier start wrote the admin secret, and which nobody has removed; null otherwise. */
  readonly keptAdminSecret: ShownSecret | null;
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
    ...adminSecretLines(facts),
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
  const secret = bearerOf(facts);
  if (secret !== null) {
    const body = JSON.stringify({ name: 'first key', credit_limit_usd: '5' });
    lines.push(
      '',
      'Make a key:',
      '',
      ...(facts.newAdminSecret?.kind === 'text' ? ['  export ADMIN=<the admin secret>'] : []),
      `  curl -s ${facts.url}/v1/api-keys -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" -d '${body}'`,
    );
  }
  lines.push('', `Call a model with its secret: POST ${facts.url}/v1/chat/completions, model "${facts.model}".`, '');
  return lines.join('\n');
}

function adminSecretLines({ newAdminSecret, keptAdminSecret }: Greeting): string[] {
  const label = '  admin secret         ';
  if (newAdminSecret?.kind === 'text') return [`${label}${newAdminSecret.text}   (shown this once; keep it)`];
  const file = newAdminSecret ?? keptAdminSecret;
  return file?.kind === 'file' ? [`${label}in the file ${file.path}   (keep it elsewhere, and delete the file)`] : [];
}

/** What stands in a command in the place of the admin secret, which is printed once alone; null if it is not known. */
function bearerOf({ newAdminSecret, adminSecretFromEnvironment }: Greeting): string | null {
  if (newAdminSecret?.kind === 'text') return '$ADMIN';
  if (newAdminSecret?.kind === 'file') return `$(cat '${newAdminSecret.path.replaceAll("'", `'\\''`)}')`;
  return adminSecretFromEnvironment ? '$TOLLGATE_ADMIN_SECRET' : null;
}

function firstSignInLines({ email, link }: FirstSignIn, url: string): string[] {
  if (link === null) return [`${email} signs in on ${url}/sign-in with the password of INIT_OWNER_PASSWORD.`];
  const once = 'once and within an hour';
  if (link.kind === 'file') return [`${email} signs in by the link in the file ${link.path}, ${once}.`];
  return [`${email} signs in by this link, ${once}:`, '', `  ${link.text}`];
}
