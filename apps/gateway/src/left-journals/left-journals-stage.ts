import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BusMessage, BusPublisher } from '@tollgate/bus';
import type { UsageRecorded } from '@tollgate/contracts';
import { InternalCallError } from '@tollgate/http';
import { createLogger } from '@tollgate/telemetry';
import type { Journal } from '../journal/journal.js';
import { JournaledRequest } from '../journal/journaled-request.js';
import type { Intent } from '../journal/records.js';
import { AdoptJournals } from './adopt-journals.js';
import { JournalFolders } from './journal-folders.js';

const silent = createLogger({ service: 'test', level: 'silent' });

/** An intent of a call that holds credit, begun in the journal `journalId`. */
export const intentOf = (journalId: string, requestId: string): Intent => ({
  event: {
    eventVersion: 1,
    requestId,
    organizationId: 'org',
    apiKeyId: 'key',
    journalId,
    route: 'm',
    provider: 'p',
    model: 'm',
    stream: true,
    holdNanoUsd: '1000',
    accounts: [{ accountId: 'key:key', capNanoUsd: '1000' }],
    priceVersion: 'v',
    startedAt: '2026-11-21T00:00:00.000Z',
    clientAddress: '127.0.0.1',
  },
  inputTokensEstimate: 100,
  inputNanoUsdPerMillion: '1000000000',
  outputNanoUsdPerMillion: '2000000000',
});

/** The final of such a call. */
export const finalOf = (journalId: string, requestId: string, journalNumber: number): object => ({
  ...intentOf(journalId, requestId).event,
  journalNumber,
  outcome: 'completed',
  inputTokens: 1,
  outputTokens: 1,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  usageSource: 'reported',
  costNanoUsd: '3',
  chargeNanoUsd: '3',
  endedAt: '2026-11-21T00:00:01.000Z',
});

/** Journals a call: its intent, then its final if it ended. */
export async function journalCall(journal: Journal, requestId: string, ended: boolean): Promise<void> {
  const request = new JournaledRequest(requestId, 'org');
  await journal.append('I', request, 0, JSON.stringify(intentOf(journal.journalId, requestId)));
  if (!ended) return;
  const number = journal.takeNumber();
  await journal.append('F', request, number, JSON.stringify(finalOf(journal.journalId, requestId, number)));
}

/** What usage-billing knows of journals, and what reached the bus, for the processes on one volume. */
class Books {
  /** Whose process is gone, by journal; of others it is not known, or running. */
  readonly gone = new Set<string>();
  readonly running = new Set<string>();
  readonly claims: string[] = [];
  /** Each text that was published of a request; the ledger books the first. */
  readonly published = new Map<string, string[]>();
  /** Runs before each publication; may throw. */
  beforePublish: () => void | Promise<void> = () => undefined;
  /** Runs before it says that all is booked; may throw. */
  beforeBooked: () => void | Promise<void> = () => undefined;
  answers: 'yes' | 'of the release before' | 'away' = 'yes';

  readonly bus: BusPublisher = {
    publish: async (_topic: string, messages: readonly BusMessage[]) => {
      await this.beforePublish();
      for (const { value } of messages) {
        const text = value.toString();
        const { requestId } = JSON.parse(text) as UsageRecorded;
        this.published.set(requestId, [...(this.published.get(requestId) ?? []), text]);
      }
    },
  };

  readonly usageBilling = {
    claimJournal: ({ journalId }: { journalId: string }) => {
      this.#mayAnswer('/internal/journals/claim');
      this.claims.push(journalId);
      const owner = this.gone.has(journalId) ? 'gone' : this.running.has(journalId) ? 'running' : 'unknown';
      return Promise.resolve({ owner } as const);
    },
    shippedJournal: async () => {
      this.#mayAnswer('/internal/journals/shipped');
      await this.beforeBooked();
    },
  };

  /** The event that is booked of a request. */
  booked(requestId: string): UsageRecorded {
    return JSON.parse(this.published.get(requestId)?.[0] ?? 'null') as UsageRecorded;
  }

  #mayAnswer(path: string): void {
    if (this.answers === 'of the release before')
      throw new InternalCallError(path, 'refused', { status: 404, code: null });
    if (this.answers === 'away') throw new InternalCallError(path, 'unreachable');
  }
}

/** A volume that gateways share, and the processes on it. */
export class Volume {
  readonly folder = mkdtempSync(join(tmpdir(), 'tollgate-volume-'));
  readonly books = new Books();
  readonly #open = new Map<Journal, string>();

  /** A process that starts, and its journal. */
  start(): { readonly journal: Journal; readonly folder: string; readonly folders: JournalFolders } {
    const folders = new JournalFolders(this.folder);
    const journal = folders.openOwn();
    const folder = folders.own!;
    this.#open.set(journal, folder);
    this.books.gone.delete(journal.journalId);
    this.books.running.add(journal.journalId);
    return { journal, folder, folders };
  }

  /** Ends a process in order, all of whose usage is booked. */
  stop(journal: Journal): void {
    this.#open.delete(journal);
    journal.close(true);
  }

  /** Leaves a journal as a kill does: the lock is free, nothing is tidied up. `on` is the host of the process. */
  kill(journal: Journal, on = 'elsewhere'): void {
    const folder = this.#open.get(journal)!;
    this.#open.delete(journal);
    journal.close(false);
    writeFileSync(join(folder, 'lock.holder'), `4711 ${on}`);
  }

  /** usage-billing finds out that the process of a journal is gone. */
  find(journalId: string): void {
    this.books.running.delete(journalId);
    this.books.gone.add(journalId);
  }

  adoption(folders = new JournalFolders(this.folder)): AdoptJournals {
    const { bus, usageBilling } = this.books;
    return new AdoptJournals({ bus, usageBilling, folders, logger: silent });
  }

  /** The journals on the volume, without the first part of their paths. */
  journals(): string[] {
    return readdirSync(this.folder).flatMap((name) =>
      name === 'journals' ? readdirSync(join(this.folder, name)).map((each) => join(name, each)) : [name],
    );
  }

  remove(): void {
    for (const journal of this.#open.keys()) journal.close(false);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until an adoption has nothing under way; one that does not end takes as long as a test may. */
export async function settled(adoption: AdoptJournals): Promise<void> {
  while (adoption.adopting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
