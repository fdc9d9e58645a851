import { Inject, Injectable } from '@nestjs/common';
import { explainAccess, type ExplainedAccess } from '@tollgate/access';
import { accountsOf, cycleOf, groupsThatOpen, type ActiveSnapshot, type OrganizationSnapshot } from '@tollgate/api-key';
import { GroupStore } from '../../groups/group-store.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { organizationSnapshotOf, type Organization } from '../../organizations/organization.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { ConfiguredRoutes, type PricedRoute } from '../../routes/configured-routes.js';
import { KeyStore } from '../../store/key-store.js';
import type { ApiKey } from '../api-key/api-key.js';
import { snapshotOf } from '../api-key/snapshot-of.js';
import { creditUsed } from '../key-use/credit-used.js';
import { KeyUseStore } from '../key-use/key-use-store.js';
import { KeySpendingLookup } from '../list-keys/key-spending.js';
import { BalanceLookup, withUsed } from './balance-lookup.js';
import type { ExplainedCredit } from './explained-credit.js';
import type { ExplainKeyRequest } from './explain-key.request.js';
import { explanationOf, type ExplainedFacts, type Explanation } from './explanation.js';

/** Says whether a key would pass, and which rule stops it, by the decisions that gateways make. */
@Injectable()
export class ExplainKey {
  constructor(
    private readonly keys: KeyStore,
    private readonly organizations: OrganizationStore,
    private readonly groups: GroupStore,
    private readonly routes: ConfiguredRoutes,
    private readonly spending: KeySpendingLookup,
    private readonly use: KeyUseStore,
    private readonly balances: BalanceLookup,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /** Null if the organisation has no such key. A key that has ended is explained like any other. */
  async execute(
    organizationId: string,
    id: string,
    { model, ip, endpoint, from_browser: fromPage }: ExplainKeyRequest,
    at: Date,
    now: Date,
  ): Promise<Explanation | null> {
    const [key, organization] = await Promise.all([
      this.keys.find(organizationId, id),
      this.organizations.find(organizationId),
    ]);
    if (key === null || organization === null) return null;
    const supposed = {
      address: ip ?? null,
      scope: endpoint.scope,
      model: model ?? null,
      fromPage,
      nowMs: at.getTime(),
    };
    const explained = { snapshot: snapshotOf(key), rules: rulesOf(key) };
    const joined = organizationSnapshotOf(organization);
    const access = explainAccess(explained, joined, supposed, (name) => this.routes.accessOf(name));
    const closedBy = access.stop?.rule === 'access' ? access.stop.closedBy : null;
    return explanationOf({
      key,
      access,
      model: supposed.model,
      nowMs: supposed.nowMs,
      route: model === undefined ? null : await this.route(organization, model, closedBy),
      providersKnown: this.settings.config.reachableProviders !== null,
      credit: await this.credit(key, access, { joined, isFree: endpoint.isFree === true }, at, now),
    });
  }

  /** What calls of a key are charged to, and what stands on it: on the route, or on one that is open to everyone. */
  private async credit(
    key: ApiKey,
    { route, targets }: ExplainedAccess<PricedRoute>,
    { joined, isFree }: { readonly joined: OrganizationSnapshot; readonly isFree: boolean },
    at: Date,
    now: Date,
  ): Promise<ExplainedCredit> {
    const rules = rulesOf(key);
    const groupIds = route?.access === 'groups' ? groupsThatOpen(rules, joined, route.name) : rules.groups;
    const accounts = accountsOf(rules, joined, at.getTime(), groupIds);
    const balances = await this.balances.of(key.organizationId, accounts);
    const used = await this.used(key, at, now);
    const ofOrganization = joined.capNanoUsd === null ? null : await this.use.chargedToOrganization(key.organizationId);
    return {
      isFree,
      accounts,
      balances: withUsed(balances, accounts, { [key.organizationId]: ofOrganization, [key.id]: used }),
      isPriced: route === null ? null : this.routes.isAnyPriced(targets, at.getTime(), joined.prices),
    };
  }

  /** The route of a model with the groups that open it, or one of the closed routes that it leads to. */
  private async route(
    { id, groupRoutes }: Organization,
    model: string,
    closedBy: readonly string[] | null,
  ): Promise<ExplainedFacts['route']> {
    const name = this.routes.accessOf(model)?.name;
    if (name === undefined) return null;
    const opening = closedBy ?? [name];
    const ids = Object.keys(groupRoutes).filter((group) => groupRoutes[group]?.some((each) => opening.includes(each)));
    const names = ids.length === 0 ? new Map<string, string>() : await this.groups.namesOf(id, ids);
    return { name, groups: [...names].map(([groupId, groupName]) => ({ id: groupId, name: groupName })) };
  }

  /** What counts against the key's limit in the cycle of `at`; null if it is not known. */
  private async used(key: ApiKey, at: Date, now: Date): Promise<bigint | null> {
    if (key.creditLimitNanoUsd === null) return null;
    const [asked, present] = [at, now].map((moment) => cycleOf(key.creditReset, moment.getTime()).startMs);
    // A cycle that has not begun counts nothing yet; what a past one counted, is not kept here.
    if (asked !== present) return at > now ? 0n : null;
    const sums = (await this.spending.of(key.organizationId, [key.id])).get(key.id);
    return sums === undefined ? null : creditUsed(key.creditReset, sums);
  }
}

/** The rules of a key as they are, or would be if it had not been ended. */
function rulesOf(key: ApiKey): ActiveSnapshot {
  const snapshot = snapshotOf({ ...key, revocation: null, disabledAt: null });
  if (snapshot.state === 'revoked') throw new Error('a key without an end has a tombstone');
  return snapshot;
}
