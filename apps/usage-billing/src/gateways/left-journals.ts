import { Inject, Injectable } from '@nestjs/common';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { CloseEpochs } from '../credit-epochs/close-epochs.js';
import { GatewayInstances, type JournalOwner } from '../store/gateway-instances.js';
import { unavailable } from '../unavailable.js';
import { GatewayWatch } from './gateway-watch.js';

/**
 * The journals that processes have left, for the gateways that ship them. The lock of a journal alone does not say that
 * its process is gone: some network volumes give one lock to two machines. So a gateway asks for its lease, too.
 */
@Injectable()
export class LeftJournals {
  constructor(
    private readonly instances: GatewayInstances,
    private readonly epochs: CloseEpochs,
    private readonly watch: GatewayWatch,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
  ) {}

  /**
   * Says whether the process of a journal is running, and keeps its holds for a while (`HOLDS_STAND`): somebody is
   * there who will ship what it left. Where its process counted as gone and nobody claimed the journal, an epoch that
   * was opened then knows nothing of its holds.
   */
  async claim(journalId: string): Promise<{ readonly owner: JournalOwner }> {
    const { owner, standAgain } = await this.instances.claim(journalId);
    if (standAgain.length > 0) await this.epochs.notWaitingFor(standAgain);
    return { owner };
  }

  /**
   * Resolves once all usage is booked that is on the bus now; that of the journal is there. Then what is left of its
   * holds has no final, and is resolved.
   * @throws {UnavailableError} if the bus cannot be asked, or booking takes longer than half a minute
   */
  async shipped(journalId: string): Promise<void> {
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic))).catch(unavailable('The bus'));
    await this.instances.endClaims(journalId);
    this.watch.wake();
  }
}
