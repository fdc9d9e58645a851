import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, KNOWN_OWNERS_MAX, type KeyManagementApi } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { groupedBy } from '../../grouped-by.js';
import { placeOf, UsageNameStore, type Named, type NamedKind } from './usage-name-store.js';
import type { UsageField } from './usage-fields.js';

/** What has names, by the field of usage that has its id. */
const KINDS = { api_key_id: 'api_key', group_id: 'group', project_id: 'project', member_id: 'member' } as const;
type NamedField = keyof typeof KINDS;

/** Gives the last known name of what an id names; null if it is not known. */
export type NameOf = (field: NamedField, id: string) => string | null;

const EVERY_MS = 5_000;
/** New rows of facts of one look; key-management is asked for no more ids of a kind at once. */
const PAGE = 500;

/**
 * Keeps the names of keys, groups, projects and members that are used, so that usage shows them when they are gone.
 * What is new is asked for within seconds of its first call; what is shown is asked for again, so that it has its
 * present name.
 */
@Injectable()
export class UsageNames extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly names: UsageNameStore,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownOwners'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /** The names of what these groups of an organisation are: the present ones, else the last known. */
  async of(
    organizationId: string,
    groupBy: readonly UsageField[],
    groups: readonly (readonly (string | null)[])[],
  ): Promise<NameOf> {
    const named = groupBy.flatMap((field, n) => {
      const kind = KINDS[field as NamedField] as NamedKind | undefined;
      if (kind === undefined) return [];
      const ids = new Set(groups.flatMap((values) => values[n] ?? []));
      return [...ids].map((id) => ({ kind, id }));
    });
    if (named.length === 0) return () => null;
    const names = await this.known(organizationId, named);
    return (field, id) => names.get(placeOf({ kind: KINDS[field], id })) ?? null;
  }

  /** Asks for the names of what was used for the first time. Resolves with the number of rows it looked at. */
  async nameNew(): Promise<number> {
    const rows = await this.database.acrossOrganizations((manager) => manager.query<NewRow[]>(NEW, [PAGE]));
    for (const [organizationId, ofOne] of groupedBy(rows, (row) => row.organization_id))
      await this.store(organizationId, await this.ask(organizationId, ofOne.flatMap(namedIn)));
    if (rows.length > 0)
      await this.database.acrossOrganizations((manager) => manager.query(NOTED, [rows.map((row) => row.dimension_id)]));
    return rows.length;
  }

  private async known(organizationId: string, named: readonly Named[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.names.known(organizationId, named);
    const stored = new Map(rows.map((row) => [placeOf(row), row.name]));
    try {
      const present = await this.ask(organizationId, named);
      const changed = new Map([...present].filter(([place, name]) => stored.get(place) !== name));
      if (changed.size > 0) await this.store(organizationId, changed);
      return new Map([...stored, ...present]);
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say names; usage shows the last known ones');
      return stored;
    }
  }

  /** The names that key-management knows, by their place. */
  private async ask(organizationId: string, named: readonly Named[]): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    if (this.keyManagement === undefined) return names;
    for (let at = 0; at < named.length; at += KNOWN_OWNERS_MAX) {
      const asked = named.slice(at, at + KNOWN_OWNERS_MAX);
      const ids = (kind: NamedKind): string[] => asked.flatMap((each) => (each.kind === kind ? [each.id] : []));
      const known = await this.keyManagement.knownOwners({
        organizationId,
        apiKeyIds: ids('api_key'),
        groupIds: ids('group'),
        projectIds: ids('project'),
        memberIds: ids('member'),
      });
      for (const [kind, list] of [
        ['api_key', known.apiKeys],
        ['group', known.groups],
        ['project', known.projects],
        ['member', known.members],
      ] as const)
        for (const { id, name } of list) names.set(placeOf({ kind, id }), name);
    }
    return names;
  }

  private async store(organizationId: string, names: ReadonlyMap<string, string>): Promise<void> {
    await this.names.keep(
      organizationId,
      [...names].map(([place, name]) => ({ ...namedAt(place), name })),
    );
  }

  /** Never rejects. */
  protected override async work(): Promise<void> {
    try {
      while ((await this.nameNew()) === PAGE && !this.periodic.stopped);
    } catch (err) {
      this.logger.warn({ err }, 'the names of what was used could not be asked; the next attempt follows in seconds');
    }
  }
}

interface NewRow {
  readonly dimension_id: string;
  readonly organization_id: string;
  readonly api_key_id: string | null;
  readonly project_id: string | null;
  readonly member_id: string | null;
  readonly group_ids: readonly string[] | null;
}

/** Index: usage_dimension_unnamed. */
const NEW = `SELECT dimension_id, organization_id, api_key_id, project_id, member_id, group_ids
  FROM billing.usage_dimension WHERE grain = 'owners' AND NOT is_named ORDER BY organization_id LIMIT $1`;
/** Index: usage_dimension_pk. */
const NOTED = 'UPDATE billing.usage_dimension SET is_named = true WHERE dimension_id = ANY($1::uuid[])';

function namedIn(row: NewRow): Named[] {
  const ofKind = (kind: NamedKind, ids: readonly (string | null)[]): Named[] =>
    ids.flatMap((id) => (id === null ? [] : [{ kind, id }]));
  return [
    ...ofKind('api_key', [row.api_key_id]),
    ...ofKind('project', [row.project_id]),
    ...ofKind('member', [row.member_id]),
    ...ofKind('group', row.group_ids ?? []),
  ];
}

const namedAt = (place: string): Named => {
  const end = place.indexOf(' ');
  return { kind: place.slice(0, end) as NamedKind, id: place.slice(end + 1) };
};
