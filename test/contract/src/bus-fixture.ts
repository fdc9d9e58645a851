import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Controller, Inject, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  inProcessBus,
  kafkaBus,
  KafkaBatchServer,
  type KafkaBatchServerOptions,
  type BatchServer,
  type BusBatch,
  type BusMessage,
  type BusPublisher,
  type ResumeOffsets,
} from '@tollgate/bus';
import { infraFromEnvironment, kafkaOperator, waitUntil } from '@tollgate/infra';
import { Kafka, logLevel } from 'kafkajs';

export type Receive = (batch: BusBatch) => Promise<void>;
/** Topics that the consumers of `consume` handle. */
export const FIRST = 'first.v1';
export const SECOND = 'second.v1';

@Controller()
class Consumer {
  constructor(@Inject('receive') private readonly receive: Receive) {}
  @EventPattern(FIRST) first(@Payload() batch: BusBatch) {
    return this.receive(batch);
  }
  @EventPattern(SECOND) second(@Payload() batch: BusBatch) {
    return this.receive(batch);
  }
}
@Controller()
class OtherConsumer {
  constructor(@Inject('also receive') private readonly receive: Receive) {}
  @EventPattern(FIRST) async first(@Payload() batch: BusBatch) {
    await this.receive(batch);
  }
}
@Module({})
class Consumers {}

/** A separate bus for one test: its publisher, and servers of one consumer group. */
export interface Trial {
  publisher: BusPublisher;
  server(options?: { resume?: ResumeOffsets }): BatchServer;
  close(): Promise<void>;
}

/** A connection with its own topic prefix, so that tests do not share topics. It may do everything. */
export const kafka = () => {
  const { kafkaBrokers, kafkaSecured } = infraFromEnvironment();
  return {
    brokers: [kafkaBrokers],
    clientId: 'contract',
    topicPrefix: `${randomUUID()}.`,
    ...(kafkaSecured && { user: kafkaOperator }),
  };
};
/** The same cluster for a client of kafkajs. */
export const rawKafka = (): Kafka => {
  const { kafkaBrokers, kafkaSecured } = infraFromEnvironment();
  return new Kafka({
    brokers: [kafkaBrokers],
    logLevel: logLevel.NOTHING,
    ...(kafkaSecured && { sasl: { mechanism: 'plain' as const, ...kafkaOperator } }),
  });
};
/** A server in the consumer group of the connection; all servers of a connection share one group. */
export const kafkaServer = (
  connection: ReturnType<typeof kafka>,
  resume?: ResumeOffsets,
  options: Pick<KafkaBatchServerOptions, 'batchSize'> = {},
) =>
  new KafkaBatchServer({
    ...connection,
    ...options,
    groupId: `${connection.topicPrefix}group`,
    ...(resume ? { resume } : {}),
  });

/** The two implementations of the port. */
export const shapes: { shape: string; trial: () => Trial }[] = [
  {
    shape: 'in process',
    trial: () => {
      const bus = inProcessBus();
      return { publisher: bus.publisher, server: () => bus.server, close: async () => undefined };
    },
  },
  {
    shape: 'Kafka',
    trial: () => {
      const connection = kafka();
      const bus = kafkaBus(connection);
      return {
        publisher: bus.publisher,
        close: () => bus.close(),
        server: ({ resume } = {}) => kafkaServer(connection, resume),
      };
    },
  },
];

/** Objects to close after the test, the last one first. */
export const open: { close(): Promise<unknown> }[] = [];
export async function closeOpen(): Promise<void> {
  for (const one of open.splice(0).reverse()) await one.close();
}

export function begin(trial: () => Trial): Trial {
  const made = trial();
  open.push(made);
  return made;
}

/**
 * Starts the consumers of both topics. `receive` handles both topics, and `alsoReceive` is a second handler of the
 * first. They are closed after the test.
 */
export async function consume(
  strategy: BatchServer,
  receive: Receive,
  alsoReceive: Receive = async () => undefined,
): Promise<INestMicroservice> {
  const module = {
    module: Consumers,
    controllers: [Consumer, OtherConsumer],
    providers: [
      { provide: 'receive', useValue: receive },
      { provide: 'also receive', useValue: alsoReceive },
    ],
  };
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  open.push(app);
  await app.listen();
  return app;
}

export const message = (key: string, n: number): BusMessage => ({ key, value: JSON.stringify({ key, n }) });
/** Publishes until the bus accepts, as a journal or an outbox does. */
export async function publishUntilAccepted(
  publisher: BusPublisher,
  topic: string,
  messages: BusMessage[],
): Promise<void> {
  await waitUntil(() => publisher.publish(topic, messages).then(() => true), {
    what: 'the bus to accept',
    timeoutMs: 60_000,
  });
}
