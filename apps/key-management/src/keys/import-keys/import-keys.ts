import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { pepperIds } from '@tollgate/api-key';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { DATABASE, ServiceDatabase, type Database } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { KeyMeter } from '../../metrics.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { ImportedKeys } from '../../store/imported-keys.js';
import { KeyReferences } from '../create-key/key-references.js';
import { KeyGivers } from '../grant-key/key-givers.js';
import { LastingGivers } from '../grant-key/lasting-givers.js';
import { LineCheck, type CheckedLine, type LineFault } from './check-lines.js';
import { FinishImports } from './finish-imports.js';
import type { ImportKeysObject } from './import-keys.reply.js';
import { IMPORTED_KEYS_MAX, type ImportKeysQuery } from './import-keys.request.js';
import { linesOf } from './import-lines.js';
import { ImportAbandonedError, LEASE_SECONDS, ImportStore, type ImportOf } from './import-store.js';
import { PieceSize } from './piece-size.js';

/** Faults that a reply lists. */
const FAULTS_MAX = 100;
/** Lines that are read in one turn of the event loop: requests that come meanwhile wait no longer than this takes. */
const LINES_OF_A_TURN = 50;
/** Imports that a process works on at one time: what is beyond them is asked to come again. */
const UNDER_WAY_MAX = 2;
/** Before a piece, the embedded database is left to all other work for at most so long. */
const YIELD_MS_MAX = 250;

/**
 * Imports keys by the SHA-256 of their secrets. Lines are checked as they come, and the keys staged in pieces that
 * nobody sees; when all are there, one small transaction makes them live. Then the gateways are told piece by piece;
 * one that was not told yet and meets such a key asks key-management, which knows it.
 */
@Injectable()
export class ImportKeys {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: ImportStore,
    private readonly organizations: OrganizationStore,
    private readonly givers: KeyGivers,
    private readonly lasting: LastingGivers,
    private readonly references: KeyReferences,
    private readonly finishing: FinishImports,
    private readonly relay: KeyRelay,
    private readonly imported: ImportedKeys,
    private readonly meter: KeyMeter,
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'heartbeat'>,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: Pick<KeyManagementSettings, 'peppers'>,
    @Inject(DATABASE) private readonly sessions: Pick<Database, 'whenQuiet'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Reads a body to its end. Whatever ends it early, a client that leaves or trouble of ours, leaves no key.
   * @throws {Problem} `invalid_request` with the faults where `all` was asked for and a line is wrong
   */
  async execute(
    organizationId: string,
    mode: ImportKeysQuery['mode'],
    body: AsyncIterable<Uint8Array>,
    actor: Actor,
    now: Date,
  ): Promise<ImportKeysObject> {
    if (this.underWay.size >= UNDER_WAY_MAX || this.underWay.has(organizationId)) throw BUSY();
    this.underWay.add(organizationId);
    try {
      const giver = await this.database.inOrganization(organizationId, async (manager) => {
        await this.organizations.keep(manager, organizationId);
        return this.givers.giverOf(manager, actor, now);
      });
      const check = new LineCheck({ organizationId, giver, peppers: this.settings.peppers, now });
      const staging = mode === 'all' ? await this.begin(organizationId, actor, now) : null;
      const allow = (manager: EntityManager) => this.lasting.demandStill(manager, organizationId, giver, new Date());
      return await this.run(new Progress(), organizationId, mode, body, check, staging, actor, allow);
    } finally {
      this.underWay.delete(organizationId);
    }
  }

  private async begin(organizationId: string, actor: Actor, now: Date): Promise<ImportOf> {
    const begun = { organizationId, id: randomUUID() };
    await this.store.begin(begun, actor, now);
    this.imported.note();
    await this.tellGateways();
    return begun;
  }

  /** Without waiting for the next heartbeat: from now on a secret of any form may be one of ours. */
  private async tellGateways(): Promise<void> {
    await this.snapshots.heartbeat({ importedKeys: true }).catch((err: unknown) => {
      this.logger.debug({ err }, 'gateways hear of imported keys with the next heartbeat');
    });
  }

  private async run(
    progress: Progress,
    organizationId: string,
    mode: ImportKeysQuery['mode'],
    body: AsyncIterable<Uint8Array>,
    check: LineCheck,
    staging: ImportOf | null,
    actor: Actor,
    allow: (manager: EntityManager) => Promise<void>,
  ): Promise<ImportKeysObject> {
    const renewal =
      staging === null ? undefined : setInterval(() => this.renew(staging), (LEASE_SECONDS * 1_000) / 3).unref();
    let live = false;
    try {
      for await (const piece of this.piecesOf(body, check, progress))
        await this.takePiece(progress, organizationId, piece, staging, actor);
      if (progress.lines === 0) throw new Problem('invalid_request', { detail: 'The body has no line.' });
      if (staging === null) return this.replyOf(progress, mode, 0);
      if (progress.faults > 0) throw refusalOf(progress);
      await this.store.makeLive(staging, allow);
      live = true;
      await this.tellGateways();
      await this.finishing.announce(staging, 1, progress.pieces);
      this.meter.keysImported(progress.valid);
      return this.replyOf(progress, mode, progress.valid);
    } catch (error) {
      throw error instanceof ImportAbandonedError ? BUSY() : error;
    } finally {
      clearInterval(renewal);
      if (staging !== null && !live) await this.finishing.dropNow(staging, progress.pieces);
    }
  }

  private renew(staging: ImportOf): void {
    this.store
      .renew(staging)
      .catch((err: unknown) => this.logger.debug({ err }, 'the lease of an import was not renewed'));
  }

  /** Lines that are right, as many at a time as one transaction takes. */
  private async *piecesOf(
    body: AsyncIterable<Uint8Array>,
    check: LineCheck,
    progress: Progress,
  ): AsyncGenerator<CheckedLine[]> {
    let piece: CheckedLine[] = [];
    for await (const line of linesOf(body)) {
      progress.lines += 1;
      if (progress.lines > IMPORTED_KEYS_MAX)
        throw new Problem('body_too_large', { detail: `An import has at most ${IMPORTED_KEYS_MAX} lines.` });
      if (progress.lines % LINES_OF_A_TURN === 0) await turn();
      const checked = check.check(line);
      if ('key' in checked) piece.push(checked);
      else progress.addFaults(checked);
      if (piece.length < progress.size.keys) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  private async takePiece(
    progress: Progress,
    organizationId: string,
    piece: readonly CheckedLine[],
    staging: ImportOf | null,
    actor: Actor,
  ): Promise<void> {
    await this.sessions.whenQuiet(YIELD_MS_MAX);
    const fits = await this.fitting(progress, organizationId, piece);
    if (staging === null || progress.faults > 0 || fits.length === 0) {
      progress.valid += fits.length;
      return;
    }
    await this.sessions.whenQuiet(YIELD_MS_MAX);
    const keys = fits.map(({ key }) => key);
    progress.pieces += 1;
    const begun = performance.now();
    const lost = new Set(
      await this.store.stage(staging, progress.pieces, keys, actor, pepperIds(this.settings.peppers)),
    );
    progress.size.took(keys.length, performance.now() - begun);
    for (const { line, key } of fits) {
      if (key.secrets.some(({ digests }) => digests.some((digest) => lost.has(digest))))
        progress.addFaults([{ line, path: 'sha256', message: STAGED }]);
      else progress.valid += 1;
    }
  }

  /** The lines of a piece that the database has nothing against. */
  private async fitting(
    progress: Progress,
    organizationId: string,
    piece: readonly CheckedLine[],
  ): Promise<readonly CheckedLine[]> {
    const taken = await this.store.taken(piece.flatMap(({ key }) => digestsOf(key)));
    const names = piece.filter(({ key }) => key.projectId !== null || key.groupIds.length > 0);
    const faults = new Map<number, readonly { path: string; message: string }[]>();
    if (names.length > 0)
      await this.database.inOrganization(organizationId, async (manager) => {
        const known = new Map<string, readonly { path: string; message: string }[]>();
        for (const { line, key } of names) {
          const name = JSON.stringify([key.projectId, key.groupIds]);
          const found = known.get(name) ?? (await this.references.faults(manager, organizationId, key));
          known.set(name, found);
          faults.set(line, found);
        }
      });
    return piece.filter(({ line, key }) => {
      const holder = digestsOf(key)
        .map((digest) => taken.get(digest))
        .find((each) => each !== undefined);
      const found = [
        ...(holder === undefined ? [] : [{ path: 'sha256', message: holder.staged ? STAGED : EXISTS }]),
        ...(faults.get(line) ?? []),
      ];
      progress.addFaults(found.map((fault) => ({ line, ...fault })));
      return found.length === 0;
    });
  }

  private replyOf(progress: Progress, mode: ImportKeysQuery['mode'], imported: number): ImportKeysObject {
    return {
      object: 'api_key_import',
      mode,
      lines: progress.lines,
      valid: progress.valid,
      imported,
      errors: progress.listed,
      errors_left_out: progress.faults - progress.listed.length,
    };
  }
}

/** Whose it is, is not said. */
const EXISTS = 'belongs to a key that exists already';
const STAGED = 'is being imported by another call; send it again when that has ended';

const digestsOf = (key: CheckedLine['key']): readonly string[] => key.secrets.flatMap(({ digests }) => digests);

/** How far an import is. */
class Progress {
  lines = 0;
  valid = 0;
  pieces = 0;
  faults = 0;
  readonly size = new PieceSize();
  private readonly first: LineFault[] = [];

  addFaults(faults: readonly LineFault[]): void {
    this.faults += faults.length;
    this.first.push(...faults.slice(0, Math.max(0, FAULTS_MAX - this.first.length)));
  }

  /** Pieces are checked later than their lines are read, so the order is made here. */
  get listed(): readonly LineFault[] {
    return [...this.first].sort((one, other) => one.line - other.line);
  }
}

function refusalOf(progress: Progress): Problem {
  const errors = progress.listed.map(({ line, path, message }) => ({
    path: path === '' ? `line ${line}` : `line ${line}: ${path}`,
    message,
  }));
  const more = progress.faults > errors.length ? ` The first ${errors.length} of ${progress.faults} are listed.` : '';
  return new Problem('invalid_request', { detail: `No key was imported, for lines are wrong.${more}`, errors });
}

const BUSY = (): Problem =>
  new Problem('rate_limit_exceeded', {
    detail: 'Another import is under way. Send this one again when it has ended.',
    headers: { 'retry-after': '5' },
  });
