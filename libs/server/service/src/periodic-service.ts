import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { Periodic, type PeriodicOptions } from '@tollgate/periodic';

/**
 * A provider whose work runs again and again while its service is up: it starts with the service, is told to leave the
 * rest when the service begins to end, and the service waits for the run under way.
 *
 * @example
 * class ForgetAnswers extends PeriodicService {
 *   constructor(private readonly answers: AnswerStore) {
 *     super({ everyMs: 60_000 });
 *   }
 *   protected override async work(): Promise<void> { … }
 * }
 */
export abstract class PeriodicService implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  protected readonly periodic: Periodic;

  protected constructor(options: PeriodicOptions) {
    this.periodic = new Periodic(() => this.work(), options);
  }

  /** One run, as `Periodic` asks for it: it never rejects, and may resolve with how soon the next one is due, in ms. */
  protected abstract work(): Promise<number | void>;

  onApplicationBootstrap(): void {
    this.periodic.start();
  }

  /** Tells the run under way to leave the rest. The modules may go on using what it uses until it has ended. */
  onModuleDestroy(): void {
    void this.periodic.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.periodic.stop();
  }
}
