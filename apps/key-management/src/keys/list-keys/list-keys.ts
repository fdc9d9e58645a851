import { Inject, Injectable } from '@nestjs/common';
import { allDigestsOf, findSecrets, importableWords } from '@tollgate/api-key';
import { listOf, notACursor, Problem } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';
import { KeyMakers } from '../api-key/key-makers.js';
import { keyObject, withSecretUses } from '../api-key/key-object.js';
import { KeyUseStore } from '../key-use/key-use-store.js';
import type { KeyList, KeyObject } from '../api-key/key.reply.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import type { GroupRoutes } from '../../organizations/organization.js';
import { ConfiguredRoutes } from '../../routes/configured-routes.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import type { KeyFilters, SortedPosition } from '../../store/key-list-sql.js';
import { KeyListStore } from '../../store/key-list-store.js';
import { KeyStore } from '../../store/key-store.js';
import { KeySpendingLookup } from './key-spending.js';
import {
  filtersOf,
  formerPosition,
  keyPages,
  listAsked,
  orderOf,
  searchTextOf,
  type KeyFiltersAsked,
  type ListKeysRequest,
} from './list-keys.request.js';
import { NO_SECRET_IN_ADDRESS } from './looks-like-secret.js';

/** Lists keys with what they have spent. Deleted keys are left out. */
@Injectable()
export class ListKeys {
  constructor(
    private readonly store: KeyStore,
    private readonly lists: KeyListStore,
    private readonly spending: KeySpendingLookup,
    private readonly makers: KeyMakers,
    private readonly uses: KeyUseStore,
    private readonly organizations: OrganizationStore,
    private readonly routes: ConfiguredRoutes,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: Pick<KeyManagementSettings, 'peppers'>,
  ) {}

  /**
   * One page of the organisation's keys. `from` says where the request stands: a secret may be in a body alone.
   * @throws {Problem} `invalid_request` if the cursor is not of this list, or a query has a secret
   */
  async page(organizationId: string, request: ListKeysRequest, from: 'query' | 'body', now: Date): Promise<KeyList> {
    const { limit } = request;
    const order = orderOf(request.sort);
    const asked = listAsked(organizationId, request);
    const pages = keyPages(order);
    const after = await this.start(organizationId, request, (cursor, field) => pages.positionOf(cursor, asked, field));
    const filters =
      from === 'body'
        ? await this.filters(organizationId, request)
        : await this.filtersOfQuery(organizationId, request);
    const listed = await this.lists.page({ organizationId, filters, order, after, count: limit + 1, now });
    const page = pages.page(listed, limit, asked, ({ position }) => position);
    const ids = page.items.map(({ key }) => key.id);
    const [spending, makers, groupRoutes] = await Promise.all([
      this.spending.of(organizationId, ids),
      this.makers.of(organizationId, ids),
      this.groupRoutes(organizationId),
    ]);
    return listOf(page, ({ key: { id }, key }) => ({
      ...keyObject(key, spending.get(id) ?? null, now, makers.get(id) ?? null),
      accessible_routes: this.routes.countAccessible(key, groupRoutes),
    }));
  }

  /**
   * The filters that a body names. A secret in `q` becomes the id of its key, and goes no further. What no key has may
   * be a name that looks like a secret, unless it has the form of ours.
   */
  async filters(organizationId: string, asked: KeyFiltersAsked): Promise<KeyFilters> {
    const { q } = asked;
    if (q === undefined) return filtersOf(asked, {});
    const ids = await this.keysOfSecret(organizationId, q);
    return ids.length > 0 || findSecrets(q).length > 0
      ? filtersOf(asked, { ids })
      : filtersOf(asked, { text: searchTextOf(q) });
  }

  /**
   * The same for a query: an address is no place for a secret.
   * @throws {Problem} `invalid_request` if `q` is the secret of a key; what looks like one the schema has refused
   */
  private async filtersOfQuery(organizationId: string, asked: KeyFiltersAsked): Promise<KeyFilters> {
    const filters = await this.filters(organizationId, asked);
    if (filters.ids !== undefined)
      throw new Problem('invalid_request', { errors: [{ path: 'q', message: NO_SECRET_IN_ADDRESS }] });
    return filters;
  }

  /** The ids of the keys whose secrets stand in a text, of our form or imported, whatever was pasted around them. */
  private async keysOfSecret(organizationId: string, text: string): Promise<readonly string[]> {
    // An imported secret may have any sign in it, also one that stands around others.
    const secrets = new Set([text.replace(/^bearer\s+/i, ''), ...findSecrets(text), ...importableWords(text)]);
    const digests = [...secrets].flatMap((secret) => allDigestsOf(secret, this.settings.peppers));
    return digests.length === 0 ? [] : this.lists.idsByDigests(organizationId, digests);
  }

  /** Null if the organisation has no such key. */
  async one(organizationId: string, id: string, now: Date): Promise<{ key: ApiKey; shown: KeyObject } | null> {
    const key = await this.store.find(organizationId, id);
    if (key === null) return null;
    const [spending, makers, uses, groupRoutes] = await Promise.all([
      this.spending.of(organizationId, [id]),
      this.makers.of(organizationId, [id]),
      this.uses.ofSecrets(organizationId, id),
      this.groupRoutes(organizationId),
    ]);
    const shown = keyObject(key, spending.get(id) ?? null, now, makers.get(id) ?? null);
    const accessible = this.routes.countAccessible(key, groupRoutes);
    return { key, shown: { ...withSecretUses(shown, uses), accessible_routes: accessible } };
  }

  /** What the groups of the organisation open, in one query for all keys. */
  private async groupRoutes(organizationId: string): Promise<GroupRoutes> {
    return (await this.organizations.find(organizationId))?.groupRoutes ?? {};
  }

  private async start(
    organizationId: string,
    { cursor, after }: ListKeysRequest,
    positionOf: (cursor: string | undefined, field: 'cursor' | 'after') => SortedPosition | null,
  ): Promise<SortedPosition | null> {
    const former = after === undefined ? null : formerPosition(after);
    if (former === null) return positionOf(cursor ?? after, after === undefined ? 'cursor' : 'after');
    const position = await this.store.positionOfFormer(organizationId, former);
    if (position === null) throw notACursor('after');
    return position;
  }
}
