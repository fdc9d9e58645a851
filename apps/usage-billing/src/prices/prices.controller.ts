import { Controller, Get, Inject, Param, Query, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { listOf, Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { PRICED_CONFIG } from './priced-config.js';
import { comparePositions, PriceList, type PricedConfig } from './price-list.js';
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

/** Shows what calls cost. The same for every organisation. */
@Tag('Prices')
@Controller('v1/prices')
@UseGuards(PrincipalGuard)
export class PricesController {
  constructor(
    private readonly list: PriceList,
    private readonly versions: PriceVersions,
    @Inject(PRICED_CONFIG) private readonly config: PricedConfig,
  ) {}

  /** Answers with one page of the book, and on the first page with what each configured target is priced by. */
  @Get()
  @Operation({
    id: 'listPrices',
    summary: 'List the price book',
    description:
      'The prices of the configuration, and all that are known without being written down, with their dates and hours; and for each target of each route the price that counts now.',
  })
  @Replies(priceListReply, { 200: 'One page of prices.' })
  prices(@Query({ schema: listPricesRequest }) { limit, cursor, source, model }: ListPricesRequest): PriceListObject {
    const asked = { organizationId: null, filters: { source, model } };
    const after = PRICE_PAGES.positionOf(cursor, asked);
    const rows = this.list
      .all()
      .filter(
        (price) =>
          (source === undefined || price.source === source) &&
          (model === undefined || price.model === model) &&
          (after === null || comparePositions(price.position, after) > 0),
      );
    const page = PRICE_PAGES.page(rows, limit, asked, ({ position: [...texts] }) => texts);
    return {
      ...listOf(page, priceObject),
      price_version: this.config.priceVersion,
      targets: after === null ? this.list.targets(Date.now()).map(targetObject) : [],
    };
  }

  /** Answers with the prices of a version that usage events name. */
  @Get('versions/:version')
  @Operation({
    id: 'getPriceVersion',
    summary: 'Read a version of the price book',
    description:
      'As usage events name it in `price_version`. Each version is kept for good, also when the configuration has changed since.',
  })
  @Replies(priceVersionReply, { 200: 'The version.' })
  async version(@Param({ schema: priceVersionPath }) { version }: PriceVersionPath): Promise<PriceVersionObject> {
    const found = await this.versions.find(version);
    if (found === null) throw new Problem('price_version_not_found');
    return { object: 'price_version', version, first_seen_at: found.firstSeenAt, prices: found.prices };
  }
}
