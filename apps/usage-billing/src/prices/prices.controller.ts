import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { listOf, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { OrganizationPrices } from './organization-prices/organization-prices.js';
import { comparePositions, PriceList } from './price-list.js';
import { PriceVersions } from './price-versions.js';
import {
  priceListReply,
  priceObject,
  priceVersionReply,
  targetObject,
  type PriceListObject,
  type PriceVersionObject,
} from './price.reply.js';
import {
  listPricesRequest,
  PRICE_PAGES,
  priceVersionPath,
  type ListPricesRequest,
  type PriceVersionPath,
} from './prices.request.js';

/** Shows what calls cost: what everybody pays, and what an organisation pays that has prices of its own. */
@Tag('Prices')
@Controller('v1/prices')
@UseGuards(PrincipalGuard)
export class PricesController {
  constructor(
    private readonly list: PriceList,
    private readonly versions: PriceVersions,
    private readonly ofOrganizations: OrganizationPrices,
  ) {}

  /** Answers with one page of the book, and on the first page with what each configured target is priced by. */
  @Get()
  @Operation({
    id: 'listPrices',
    summary: 'List the price book',
    description:
      'The prices of the configuration, and all that are known without being written down, with their dates and hours; and for each target of each route the price that counts now. An organisation with prices of its own is shown them first; the operator names one by `organization_id`. Mark-ups are not in them.',
  })
  @Replies(priceListReply, { 200: 'One page of prices.' })
  async prices(
    @OrganizationId() named: string,
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: listPricesRequest })
    { limit, cursor, source, model, organization_id: organizationId = named }: ListPricesRequest,
  ): Promise<PriceListObject> {
    if (organizationId !== named && principal.kind !== 'operator') throw new Problem('organization_not_found');
    const asked = { organizationId, filters: { source, model } };
    const after = PRICE_PAGES.positionOf(cursor, asked);
    const own = await this.ofOrganizations.now(organizationId);
    const rows = [...this.list.own(own?.entries ?? []), ...this.list.all()].filter(
      (price) =>
        (source === undefined || price.source === source) &&
        (model === undefined || price.model === model) &&
        (after === null || comparePositions(price.position, after) > 0),
    );
    const page = PRICE_PAGES.page(rows, limit, asked, ({ position: [...texts] }) => texts);
    return {
      ...listOf(page, priceObject),
      price_version: this.ofOrganizations.versionWith(own),
      targets: after === null ? this.list.targets(Date.now(), own?.entries).map(targetObject) : [],
    };
  }

  /** Answers with the prices of a version that usage events name. */
  @Get('versions/:version')
  @Operation({
    id: 'getPriceVersion',
    summary: 'Read a version of the price book',
    description:
      'As usage events name it in `price_version`. Each version is kept for good, also when the configuration has changed since. The prices of its own of an organisation are shown to that organisation, and to the operator who names it.',
  })
  @Replies(priceVersionReply, { 200: 'The version.' })
  async version(
    @OrganizationId() organizationId: string,
    @Param({ schema: priceVersionPath }) { version }: PriceVersionPath,
  ): Promise<PriceVersionObject> {
    const [common = '', ofOrganization] = version.split('-');
    const found = await this.versions.find(common);
    const own = ofOrganization === undefined ? null : await this.ofOrganizations.find(organizationId, ofOrganization);
    if (found === null || (ofOrganization !== undefined && own === null)) throw new Problem('price_version_not_found');
    if (own === null)
      return { object: 'price_version', version, first_seen_at: found.firstSeenAt, prices: found.prices };
    return {
      object: 'price_version',
      version,
      first_seen_at: own.firstSetAt > found.firstSeenAt ? own.firstSetAt : found.firstSeenAt,
      prices: [...this.list.own(own.prices.entries).map(priceObject), ...found.prices],
    };
  }
}
