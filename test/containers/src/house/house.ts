import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { lastWords, output, run, type Ran, type RunOptions } from '../program.js';
import { outsideConfig, outsideServices } from './outside.js';

/** The part of `docker inspect` that is looked at. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly ExitCode: number;
    /** Absent for a container without a health check. */
    readonly Health?: { readonly Status: string };
  };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly RestartPolicy: { readonly Name: string };
    readonly PortBindings: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>> | null;
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> };
  };
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Image: string;
  };
  readonly Mounts: readonly { readonly Type: string; readonly Name?: string; readonly Destination: string }[];
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

/** The name that the compose file gives a container's service. */
export const serviceOf = ({ Config }: Container): string => Config.Labels['com.docker.compose.service'] ?? '';

/** What stands beside the house in checks and is none of it. */
const beside = /^check-/;

export interface HouseOptions {
  /** The environment in which `docker` reaches the engine. */
  readonly env: NodeJS.ProcessEnv;
  /** The checkout whose files are used, built. */
  readonly repository: string;
  /** The image in which the repository's programs stand in for a provider and for GitHub. */
  readonly nodeImage: string;
  /** The port of the front door on loopback, and that of the mail catcher's page. */
  readonly ports: { readonly front: number; readonly mail: number };
  /** Default: one of its own. */
  readonly project?: string;
  /** The release of the image. Default: what the compose file says. */
  readonly version?: string;
  /** The folder whose compose file is used, and the network there that leads out. Default: the repository's. */
  readonly release?: { readonly folder: string; readonly outside: string };
}

/**
 * The shipped compose file in a folder of its own, as somebody has it who has cloned the repository: with secrets that
 * `make-secrets.sh` made there and a configuration whose provider is a container beside it.
 */
export class House {
  readonly folder = tempFolder('tollgate-house');
  readonly project: string;
  readonly providerCredential = `provider-${randomBytes(24).toString('hex')}`;
  readonly url: string;
  readonly mailUrl: string;
  /** What commands of compose find in their environment. */
  readonly env: NodeJS.ProcessEnv;

  constructor(readonly options: HouseOptions) {
    this.project = options.project ?? `check-${randomBytes(3).toString('hex')}`;
    this.url = `http://127.0.0.1:${options.ports.front}`;
    this.mailUrl = `http://127.0.0.1:${options.ports.mail}`;
    this.env = {
      ...options.env,
      COMPOSE_PROJECT_NAME: this.project,
      TOLLGATE_PUBLISHED_PORT: String(options.ports.front),
      TOLLGATE_MAIL_PORT: String(options.ports.mail),
      ...(options.version !== undefined && { TOLLGATE_VERSION: options.version }),
    };
    this.#copyFiles();
  }

  #copyFiles(): void {
    const { repository, nodeImage, release = { folder: repository, outside: 'outside' } } = this.options;
    for (const name of ['docker-compose.yml', 'docker-compose.dev.yml', 'config.yaml', 'deploy'])
      if (existsSync(join(release.folder, name)))
        cpSync(join(release.folder, name), join(this.folder, name), { recursive: true });
    writeFileSync(join(this.folder, 'config.yaml'), outsideConfig);
    writeFileSync(join(this.folder, 'check.json'), outsideServices(repository, nodeImage, release.outside));
  }

  /** As README says it is done, with the provider's credential in the environment. */
  makeSecrets(): Promise<string> {
    const env = { ...this.env, OPENAI_API_KEY: this.providerCredential };
    return output('sh', ['deploy/docker/make-secrets.sh'], { cwd: this.folder, env });
  }

  /** Runs a command of compose over the shipped file and what stands beside it. */
  compose(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const files = ['-f', 'docker-compose.yml', '-f', 'check.json'];
    return run('docker', ['compose', ...files, ...args], {
      env: this.env,
      cwd: this.folder,
      timeoutMs: 600_000,
      ...options,
    });
  }

  /** As `compose`, for a command that has to succeed. Gives its standard output. */
  async composed(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const ran = await this.compose(args, options);
    if (ran.code !== 0) throw new Error(`docker compose ${args.join(' ')} failed (${ran.code}):\n${lastWords(ran)}`);
    return ran.stdout.trim();
  }

  /** Brings everything up from the image that is there, and waits until it is healthy. */
  async up(args: readonly string[] = [], options: RunOptions = {}): Promise<void> {
    // `--wait` takes a job that has ended for a failure in some releases of Compose: its exit code is looked at below.
    await this.composed(
      ['up', '--detach', '--no-build', '--quiet-pull', '--wait', '--wait-timeout', '420', ...args],
      options,
    );
  }

  /** Every container of the project, those that have ended included; what stands beside it only if asked for. */
  async containers(services?: readonly string[]): Promise<Container[]> {
    const label = `label=com.docker.compose.project=${this.project}`;
    const ids = (await this.docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', label]))
      .split('\n')
      .filter(Boolean);
    if (ids.length === 0) return [];
    const all = JSON.parse(await this.docker(['inspect', ...ids])) as Container[];
    return all
      .filter((each) => (services ? services.includes(serviceOf(each)) : !beside.test(serviceOf(each))))
      .sort((a, b) => a.Name.localeCompare(b.Name, 'en', { numeric: true }));
  }

  /** Those that run; throws where a named service has none. */
  async running(services?: readonly string[]): Promise<Container[]> {
    const found = (await this.containers(services)).filter(({ State }) => State.Status === 'running');
    for (const name of services ?? [])
      if (!found.some((each) => serviceOf(each) === name)) throw new Error(`no container of ${name} is running`);
    return found;
  }

  docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return output('docker', args, { env: this.env, ...options });
  }

  /** Runs a program in a container, whatever its exit code is. */
  exec(container: Pick<Container, 'Id'>, command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const stdin = options.input === undefined ? [] : ['--interactive'];
    return run('docker', ['exec', ...stdin, container.Id, ...command], { env: this.env, ...options });
  }

  /** What it has written to its log, both streams. */
  async logs(container: Pick<Container, 'Id'>): Promise<string> {
    const { stdout, stderr } = await run('docker', ['logs', container.Id], { env: this.env });
    return stdout + stderr;
  }

  /** Ends and removes everything of the project, volumes included. */
  async remove(): Promise<void> {
    await this.compose(['--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5']);
  }
}
