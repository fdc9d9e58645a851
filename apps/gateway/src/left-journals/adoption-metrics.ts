import { Counter, registerGauge, type Registry } from '@tollgate/telemetry';
import type { AdoptJournals } from './adopt-journals.js';

/** Registers the metrics of the journals that other processes left on this one's volume. */
export function registerAdoptionMetrics(registry: Registry, adoption: AdoptJournals): void {
  registerGauge(
    registry,
    'tollgate_gateway_left_journals_waiting',
    'Journals on the volume that were left with usage, and that nobody may ship yet',
    () => adoption.waiting,
  );
  registerGauge(
    registry,
    'tollgate_gateway_left_journals_shipping',
    'Journals of other processes that this one is shipping',
    () => adoption.adopting,
  );
  registerGauge(
    registry,
    'tollgate_gateway_left_journals_unshipped_records',
    'Finals of other journals that this process is shipping and the bus has not acknowledged',
    () => adoption.unshipped,
  );
  const adopted = new Counter({
    name: 'tollgate_gateway_left_journals_adopted_total',
    help: 'Journals of other processes that this one has shipped, and removed once they were booked',
    registers: [registry],
  });
  adoption.onAdopted(() => adopted.inc());
}
