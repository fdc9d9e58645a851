import type { RedisConnection } from '@tollgate/redis';
import type { KeyChangeListener, KeySnapshotReader, OrganizationRead, SnapshotRead } from './port.js';
import { readChange, readOrganizationChange, readOrganizationSnapshot, readSnapshot } from './read-snapshot.js';
import { CHANGES_KEY, organizationKey, snapshotKey } from './redis-writer.js';

/** The longest that one read blocks; heartbeats come each second. */
const BLOCK_MS = 2_000;
/** If a read gets no answer for this long, the connection counts as dead. */
const READ_TIMEOUT_MS = 6_000;
const RETRY_MS = 100;
/** A clock that is being corrected slowly runs behind by less than this between two heartbeats. */
const SET_BACK_MS = 250;

type StreamEntries = [stream: string, entries: [id: string, fields: string[]][]][] | null;

/** Reads snapshots, and follows the stream of changes on a connection of its own. */
export class RedisKeySnapshotReader implements KeySnapshotReader {
  readonly #listeners: KeyChangeListener[] = [];
  #stream: RedisConnection | null = null;
  #closed = false;
  #freshAsOf = -Infinity;
  #importedKeys = true;
  /** When Redis's clock was read last, by itself and by the monotonic clock of this process. */
  #clockRead = { redisMs: -Infinity, atMs: -Infinity };

  constructor(private readonly redis: RedisConnection) {}

  async read(digest: string): Promise<SnapshotRead> {
    const json = await this.#stored(snapshotKey(digest));
    if (json === null) return { kind: 'absent' };
    const snapshot = readSnapshot(json);
    return snapshot === null ? { kind: 'malformed' } : { kind: 'found', snapshot };
  }

  async readOrganization(organizationId: string): Promise<OrganizationRead> {
    const json = await this.#stored(organizationKey(organizationId));
    if (json === null) return { kind: 'absent' };
    const snapshot = readOrganizationSnapshot(json);
    return snapshot === null ? { kind: 'malformed' } : { kind: 'found', snapshot };
  }

  /** The JSON stored under this run of Redis; null if there is none. */
  async #stored(key: string): Promise<string | null> {
    const storeId = this.redis.storeId();
    if (storeId === null) throw new Error('Redis is not connected');
    const [writtenUnder, json] = await this.redis.client.hmget(key, 's', 'j');
    return json == null || writtenUnder !== storeId ? null : json;
  }

  follow(listener: KeyChangeListener): void {
    this.#listeners.push(listener);
    if (this.#stream !== null) return;
    this.#stream = this.redis.duplicate();
    void this.#followStream(this.#stream);
  }

  ageMs(): number {
    return performance.now() - this.#freshAsOf;
  }

  mayHaveImportedKeys(): boolean {
    return this.#importedKeys;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stream?.close();
  }

  async #followStream(stream: RedisConnection): Promise<void> {
    let store: string | null = null;
    let position: Position = { id: '0-0', keys: 0, organizations: null };
    while (!this.#closed) {
      try {
        const current = stream.storeId();
        if (current === null) {
          await pause(RETRY_MS);
          continue;
        }
        if (current !== store) {
          position = await newestEntry(stream);
          store = current;
          for (const listener of this.#listeners) listener.gap();
          continue;
        }
        const reply = await withTimeout(
          stream.client.xread('BLOCK', BLOCK_MS, 'STREAMS', CHANGES_KEY, position.id) as Promise<StreamEntries>,
        );
        if (reply === null) continue;
        const entries = reply[0]?.[1] ?? [];
        for (const [id, fields] of entries) position = this.#hear(id, fields, position);
        await this.#noteAge(stream, entries.at(-1));
      } catch {
        if (this.#closed) return;
        stream.client.disconnect(true);
        await pause(RETRY_MS);
      }
    }
  }

  /**
   * Everything up to the last entry that was read has been heard, and so nothing was missed up to the moment at which
   * Redis took it. How long ago that is, Redis's own clock says, which is asked for after the entry has come: what a
   * stalled connection delivers late is as old as it is, and no clock of the writer or of this machine matters.
   */
  async #noteAge(stream: RedisConnection, last: [id: string, fields: string[]] | undefined): Promise<void> {
    if (last === undefined) return;
    const askedAt = performance.now();
    const [seconds, microseconds] = await withTimeout(stream.client.time());
    const redisMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    const ageMs = redisMs - takenAtMs(last);
    const before = this.#clockRead;
    this.#clockRead = { redisMs, atMs: performance.now() };
    // A clock that was set back since tells nothing of this entry; the next one counts again.
    const wasSetBack = redisMs - before.redisMs < askedAt - before.atMs - SET_BACK_MS;
    // Also false for what is no number.
    if (wasSetBack || !(ageMs >= 0)) return;
    this.#freshAsOf = Math.max(this.#freshAsOf, askedAt - ageMs);
  }

  #hear(id: string, fields: readonly string[], before: Position): Position {
    const heard = positionOf(id, fields);
    const json = fieldOf(fields, 'j') ?? '';
    const organizationJson = fieldOf(fields, 'o') ?? '';
    const importedKeys = fieldOf(fields, 'i') ?? '';
    if (importedKeys !== '') this.#importedKeys = importedKeys !== '0';
    const change = json === '' ? null : readChange(json);
    const organization = organizationJson === '' ? null : readOrganizationChange(organizationJson);
    const missed =
      heard.keys !== before.keys + (change === null ? 0 : 1) ||
      missedOrganizations(before.organizations, heard.organizations, organization !== null);
    // An entry that names no key or organisation may be about any of them: then no cached state is safe.
    if (missed || change?.kind === 'unreadable' || organization?.kind === 'unreadable')
      for (const listener of this.#listeners) listener.gap();
    if (change?.kind === 'unknown') for (const listener of this.#listeners) listener.forget(change.digests);
    if (change?.kind === 'snapshot') {
      // The id of an entry begins with the time, in milliseconds, at which Redis took it.
      const heardAfterMs = Math.max(0, Date.now() - Number.parseInt(id, 10));
      for (const listener of this.#listeners) listener.changed(change.snapshot, heardAfterMs);
    }
    if (organization?.kind === 'unknown')
      for (const listener of this.#listeners) listener.forgetOrganization?.(organization.organizationId);
    if (organization?.kind === 'snapshot')
      for (const listener of this.#listeners) listener.organizationChanged?.(organization.snapshot);
    return { ...heard, organizations: heard.organizations ?? before.organizations };
  }
}

/** A position in the stream: the id of an entry, and the numbers of changes up to it. */
interface Position {
  readonly id: string;
  readonly keys: number;
  /** Null if all entries so far are of a writer of the release before, which does not number these changes. */
  readonly organizations: number | null;
}

async function newestEntry(stream: RedisConnection): Promise<Position> {
  const [entry] = await stream.client.xrevrange(CHANGES_KEY, '+', '-', 'COUNT', 1);
  return entry === undefined ? { id: '0-0', keys: 0, organizations: null } : positionOf(entry[0], entry[1]);
}

/**
 * When Redis took an entry, in milliseconds of its clock. Entries of the release before have it in their id alone,
 * which does not go back where the clock was set back.
 */
function takenAtMs([id, fields]: [id: string, fields: string[]]): number {
  return Number(fieldOf(fields, 't') ?? Number.parseInt(id, 10));
}

/** If an entry has no number of key changes, `keys` is NaN, which equals no expected number, so it counts as a gap. */
function positionOf(id: string, fields: readonly string[]): Position {
  const organizations = fieldOf(fields, 'p');
  return {
    id,
    keys: Number(fieldOf(fields, 'q')),
    organizations: organizations === undefined ? null : Number(organizations),
  };
}

/**
 * Whether a change of an organisation was missed between two entries. Before the first number it is unknown how many
 * changes there were, and the cache has only entries read since following began. Only the numbers 0 (a heartbeat or a
 * change of a key) and 1 (the first change itself) then prove that none was missed.
 */
function missedOrganizations(before: number | null, heard: number | null, isChange: boolean): boolean {
  if (heard === null) return isChange;
  if (before === null) return heard !== (isChange ? 1 : 0);
  return heard !== before + (isChange ? 1 : 0);
}

/** A field of a stream entry by its name: a later release may write more fields, in any order. */
function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((field, index) => index % 2 === 0 && field === name);
  return at === -1 ? undefined : fields[at + 1];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

async function withTimeout<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the change stream did not answer in time')), READ_TIMEOUT_MS).unref();
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
