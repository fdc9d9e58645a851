import { spawnApp, type AppOptions, type ProcessExit, type RunningProcess } from '@tollgate/infra';

/** One app over several lives: killed and started again with the same settings, ports and folders. */
export class ManagedProcess {
  #outputOfEarlierLives = '';

  private constructor(
    private readonly options: AppOptions,
    private running: RunningProcess,
  ) {}

  /** Rejects with the app's last output when it is not ready in time. */
  static async start(options: AppOptions): Promise<ManagedProcess> {
    return new ManagedProcess(options, await spawnApp(options));
  }

  get name(): string {
    return this.options.name;
  }

  /** Of its present life, or of the last. */
  get pid(): number {
    return this.running.pid;
  }

  /** What it wrote in all its lives: at most the last 256 KiB of each. */
  output(): string {
    return this.#outputOfEarlierLives + this.running.output();
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.running.kill('SIGKILL');
    await this.running.exited;
  }

  /** SIGTERM, and SIGKILL when that does not end it; resolves with how it went. */
  stop(graceMs?: number): Promise<ProcessExit> {
    return this.running.stop(graceMs);
  }

  /** Resolves with how its present life ended, for whatever reason. */
  exited(): Promise<ProcessExit> {
    return this.running.exited;
  }

  /** SIGTERM, without waiting. */
  askToStop(): Promise<ProcessExit> {
    this.running.kill('SIGTERM');
    return this.running.exited;
  }

  /** Starts it again after it has ended; resolves when it is ready. */
  async startAgain(): Promise<void> {
    await this.running.stop();
    this.#outputOfEarlierLives += this.running.output();
    this.running = await spawnApp(this.options);
  }
}
