import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';

/*
 * DescribeLogDirs, which kafkajs 2.2.4 lacks, is sent by its own connections. `@platformatic/kafka` has it, but takes
 * 60 MB of memory, too much for one figure. Version 1 is the oldest that brokers take since 4.0; it came with 2.0.
 */

interface Encoder {
  writeString(value: string): Encoder;
  writeInt32(value: number): Encoder;
  writeArray(values: readonly (Encoder | number)[]): Encoder;
}
interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readBoolean(): boolean;
  readString(): string;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}
interface Broker {
  readonly connectionPool: { send<T>(protocol: unknown): Promise<T> };
}
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  getNodeIds(): string[];
  findBroker(which: { nodeId: string }): Promise<Broker>;
}

const require = createRequire(import.meta.url);
const NewEncoder = require('kafkajs/src/protocol/encoder') as new () => Encoder;
const NewDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder;
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };

const API = { apiKey: 35, apiVersion: 1, apiName: 'DescribeLogDirs' } as const;

/**
 * The bytes on disk of each partition of a topic; of the replica that has most. Rejects if a broker cannot be asked, or
 * does not let this user describe the cluster, which Kafka answers with no partition at all.
 */
export async function partitionBytes(
  kafka: Kafka,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, bigint>> {
  const cluster = clusterOf(kafka);
  const bytes = new Map<number, bigint>();
  await cluster.connect();
  try {
    await cluster.refreshMetadata();
    for (const nodeId of cluster.getNodeIds()) {
      const broker = await cluster.findBroker({ nodeId });
      const found = await broker.connectionPool.send<[number, bigint][]>({
        request: { ...API, encode: async () => encoded(topic, partitions) },
        response: { decode: async (raw: Buffer) => decoded(new NewDecoder(raw), topic), parse },
      });
      for (const [partition, size] of found) {
        const known = bytes.get(partition) ?? 0n;
        bytes.set(partition, size > known ? size : known);
      }
    }
    return bytes;
  } finally {
    await cluster.disconnect();
  }
}

/** A new cluster of a client, with all its settings; only kafkajs itself has a name for the method. */
function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((each) => each.description === 'private:Kafka:createCluster');
  if (symbol === undefined) throw new Error('this release of kafkajs makes its clusters in another way');
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]!;
  return create({ allowAutoTopicCreation: false });
}

const encoded = (topic: string, partitions: readonly number[]): Encoder =>
  new NewEncoder().writeArray([new NewEncoder().writeString(topic).writeArray([...partitions])]);

interface LogDir {
  readonly errorCode: number;
  readonly sizes: readonly (readonly [partition: number, bytes: bigint])[];
}

function decoded(decoder: Decoder, topic: string): readonly LogDir[] {
  // The time for which the broker throttles.
  decoder.readInt32();
  return decoder.readArray((each) => {
    const errorCode = each.readInt16();
    each.readString();
    const topics = each.readArray((one) => ({ name: one.readString(), sizes: one.readArray(sizeOf) }));
    return { errorCode, sizes: topics.filter(({ name }) => name === topic).flatMap(({ sizes }) => sizes) };
  });
}

function sizeOf(decoder: Decoder): readonly [number, bigint] {
  const [partition, bytes] = [decoder.readInt32(), BigInt(decoder.readInt64().toString())];
  // How far a copy that is being moved is behind, and whether this is one.
  decoder.readInt64();
  decoder.readBoolean();
  return [partition, bytes];
}

async function parse(dirs: readonly LogDir[]): Promise<readonly (readonly [number, bigint])[]> {
  const failed = dirs.find(({ errorCode }) => errorCode !== 0);
  if (failed !== undefined) throw createErrorFromCode(failed.errorCode);
  return dirs.flatMap(({ sizes }) => sizes);
}
