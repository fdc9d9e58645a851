import { DataSource, EntityManager } from 'typeorm';
import { lineOfFrame, type IndexNote, type Statements, type StatementSite } from './statement-sites.js';

interface Place {
  readonly file: string;
  readonly line: number;
}

/** A statement that ran, with its parameters and the call stack, innermost frame first. */
export interface StatementRecord {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly stack: readonly Place[];
  /** The role that a `ServiceDatabase` has taken for the transaction, and its organisation; null outside of one. */
  readonly as: readonly [role: string, organizationId: string] | null;
}

const SETS_ROLE = "SELECT set_config('role'";

const within = ({ file, line }: Place, lines: { file: string; from: number; to: number }): boolean =>
  file === lines.file && line >= lines.from && line <= lines.to;

/** Records every statement that goes through TypeORM in this process, until it is stopped. */
export class StatementRecorder {
  readonly records: StatementRecord[] = [];
  private readonly originals = [DataSource.prototype.query, EntityManager.prototype.query] as const;

  start(): void {
    const { originals } = this;
    const note = (sql: string, parameters: unknown, as: StatementRecord['as']): void => this.note(sql, parameters, as);
    const taken = new WeakMap<EntityManager, StatementRecord['as']>();
    DataSource.prototype.query = function (this: DataSource, sql: string, parameters?: never, ...rest: never[]) {
      note(sql, parameters, null);
      return originals[0].call(this, sql, parameters, ...rest) as never;
    };
    EntityManager.prototype.query = function (this: EntityManager, sql: string, parameters?: never) {
      if (sql.startsWith(SETS_ROLE)) taken.set(this, parameters as unknown as readonly [string, string]);
      note(sql, parameters, taken.get(this) ?? null);
      return originals[1].call(this, sql, parameters) as never;
    };
  }

  stop(): void {
    [DataSource.prototype.query, EntityManager.prototype.query] = this.originals;
  }

  private note(sql: string, parameters: unknown, as: StatementRecord['as']): void {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 60;
    const frames = (new Error('for its stack').stack ?? '').split('\n').slice(1);
    Error.stackTraceLimit = limit;
    const stack = frames.flatMap((frame) => lineOfFrame(frame) ?? []);
    this.records.push({ sql, parameters: Array.isArray(parameters) ? parameters : [], stack, as });
  }
}

/** Compares the statements that ran with the calls and comments in the source. */
export class StatementCoverage {
  private readonly own: readonly {
    readonly record: StatementRecord;
    readonly site: StatementSite;
    readonly stack: readonly Place[];
  }[];

  constructor(
    private readonly statements: Statements,
    records: readonly StatementRecord[],
  ) {
    const files = new Set([...statements.sites, ...statements.notes].map(({ file }) => file));
    this.own = records.flatMap((record) => {
      const stack = record.stack.filter(({ file }) => files.has(file));
      const site = stack[0] && statements.sites.find((each) => within(stack[0]!, each));
      return site === undefined ? [] : [{ record, site, stack }];
    });
  }

  /** Calls of `query` that never ran, as `file:line`. */
  missing(): string[] {
    const ran = new Set(this.own.map(({ site }) => site));
    return this.statements.sites.filter((site) => !ran.has(site)).map(({ file, from }) => `${file}:${from}`);
  }

  /** The statements to which a comment on indexes applies. */
  recordsOf(note: IndexNote): StatementRecord[] {
    const direct = this.own.filter(({ stack }) => within(stack[0]!, note));
    const meant =
      note.constant !== null
        ? this.own.filter(({ site }) => site.constants.includes(note.constant!))
        : direct.length > 0
          ? direct
          : this.own.filter(({ stack }) => stack.some((place) => within(place, note)));
    return meant.map(({ record }) => record);
  }

  /** Each distinct statement, with one set of parameters that it ran with. */
  distinct(): { readonly where: string; readonly record: StatementRecord }[] {
    const found = new Map(
      this.own.map(({ record, site }) => [record.sql, { where: `${site.file}:${site.from}`, record }]),
    );
    return [...found.values()];
  }
}
