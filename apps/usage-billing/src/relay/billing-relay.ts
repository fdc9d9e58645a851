import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { Outbox, OutboxRelay, ServiceDatabase, type OutboxBacklog, type OutboxEffect } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';

const SCHEMA = 'billing';

/**
 * Delivers what committed transactions of usage-billing have left in its outbox. Features name their effects before the
 * application starts. Each is retried until it succeeds, in the order of the entries of one key.
 *
 * @example
 * constructor(private readonly relay: BillingRelay) {
 *   relay.publishes(ORGANIZATIONS_CHANGED_V1); // the payload of an entry is the message, and its key the message's key
 *   relay.does('send-mail', async (rows) => sendAll(rows));
 * }
 * await database.inOrganization(id, (manager) => relay.outbox.add(manager, { effect: 'send-mail', key: id, payload }));
 * relay.wake();
 */
@Injectable()
export class BillingRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Entries are added in the transaction of what they tell. */
  readonly outbox = new Outbox(SCHEMA);
  private readonly effects: Record<string, OutboxEffect> = {};
  private relay: OutboxRelay | null = null;

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(BUS_PUBLISHER) private readonly bus: BusPublisher,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Entries with this effect are messages of the topic of the same name. */
  publishes(topic: string): void {
    this.does(topic, (rows) =>
      this.bus.publish(
        topic,
        rows.map(({ key, payload }) => ({ key, value: payload })),
      ),
    );
  }

  /** Entries with this effect are given to `effect`, which must reject if not all of them could be done. */
  does(name: string, effect: OutboxEffect): void {
    if (this.relay !== null) throw new Error('effects are named before the application starts');
    if (name in this.effects) throw new Error(`two features name the effect ${name}`);
    this.effects[name] = effect;
  }

  onApplicationBootstrap(): void {
    this.started().start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.relay?.stop();
  }

  /** Looks for entries at once. Call it after the commit of a transaction that added entries. */
  wake(): void {
    this.relay?.wake();
  }

  /** Entries that are not delivered yet. Rejects if the database cannot be reached. */
  async backlog(): Promise<readonly OutboxBacklog[]> {
    return this.started().backlog();
  }

  private started(): OutboxRelay {
    const { database, effects, logger } = this;
    const onError = (err: unknown, what: string): void => logger.warn({ err }, what);
    this.relay ??= new OutboxRelay({ database, schema: SCHEMA, effects, onError });
    return this.relay;
  }
}
