import { Inject, Injectable } from '@nestjs/common';
import { DATABASE, type Database } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyRelay } from '../../relay/key-relay.js';
import { ImportStore, type ImportOf } from './import-store.js';

const EVERY_MS = 10_000;
/** Between two pieces, the embedded database is left to all other work for at most so long. */
const YIELD_MS_MAX = 250;

/**
 * Ends imports: announces the keys of those that are live, and removes what was staged by others. What the process that
 * took an import leaves undone, because it died or lost its database, any process does when the lease has passed.
 */
@Injectable()
export class FinishImports extends PeriodicService {
  constructor(
    private readonly store: ImportStore,
    private readonly relay: KeyRelay,
    @Inject(DATABASE) private readonly sessions: Pick<Database, 'whenQuiet'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /**
   * Announces the pieces from one to another, and waits for each until the gateways can read it: what others tell the
   * gateways meanwhile, such as a revoke, waits behind one piece at most.
   */
  async announce(live: ImportOf, from: number, to: number): Promise<void> {
    for (let piece = from; piece <= to; piece++) {
      await this.sessions.whenQuiet(YIELD_MS_MAX);
      await this.relay.snapshotsWritten(await this.store.announce(live, piece));
    }
  }

  /** Removes what an import has staged, as far as that can be done now. Never rejects: the rest is done later. */
  async dropNow(staged: ImportOf, pieces: number): Promise<void> {
    try {
      await this.drop(staged, pieces);
    } catch (err) {
      this.logger.warn({ err }, 'the keys of an import that failed will be removed later');
    }
  }

  /** Ends all imports that nobody works on. */
  async finish(): Promise<void> {
    for (const { live, pieces, announced, ...which } of await this.store.left()) {
      if (live) await this.announce(which, announced + 1, pieces);
      else await this.drop(which, pieces);
    }
  }

  private async drop(staged: ImportOf, pieces: number): Promise<void> {
    if (!(await this.store.abandon(staged))) return;
    for (let piece = 1; piece <= pieces; piece++) {
      await this.sessions.whenQuiet(YIELD_MS_MAX);
      await this.store.drop(staged, piece);
    }
    await this.store.forget(staged);
  }

  protected override async work(): Promise<void> {
    try {
      await this.finish();
    } catch (err) {
      this.logger.warn({ err }, 'imports that were left could not be ended yet');
    }
  }
}
