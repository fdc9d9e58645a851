import { Controller, Get, Query, Res, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import { listOf, OrganizationId, Problem, SerializedReply } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import type { Statement } from './build/statement.js';
import { statementCycle } from './build/statement-cycle.js';
import { ReadStatements } from './read-statements.js';
import { csvStatement } from './render/csv-statement.js';
import { htmlStatement } from './render/html-statement.js';
import { statementObject, statementsReply, statementSumsObject, type StatementsReply } from './statement.reply.js';
import { STATEMENT_PAGES, statementsRequest, type StatementsRequest } from './statements.request.js';

/** Shows what an organisation was charged in each month. */
@Tag('Statements')
@Controller('v1/statements')
@UseGuards(PrincipalGuard)
export class StatementsController {
  constructor(private readonly statements: ReadStatements) {}

  @Get()
  @Operation({
    id: 'listStatements',
    summary: 'List statements, or show one',
    description:
      'A statement is of one organisation and one month in UTC. It is issued two hours after the month; what is booked ' +
      'later makes a new revision, and revisions never change. Before that it is `open` and says what is booked until now.',
  })
  @Replies(statementsReply, { 200: 'The list or, with `cycle`, the statement.' }, ['text/csv', 'text/html'])
  @Refuses('statement_not_found')
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: statementsRequest }) request: StatementsRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StatementsReply | SerializedReply> {
    const cycle = request.cycle === undefined ? null : statementCycle(request.cycle);
    if (cycle === null) return this.page(organizationId, request);
    const found = await this.statements.find(organizationId, cycle, request.revision ?? null, Date.now());
    if (found === null) throw new Problem('statement_not_found');
    return shown(found, request.format, reply);
  }

  private async page(organizationId: string, { cursor, limit }: StatementsRequest): Promise<StatementsReply> {
    const asked = { organizationId };
    const [before] = STATEMENT_PAGES.positionOf(cursor, asked) ?? [];
    const all = await this.statements.list(organizationId, Date.now());
    const rest = before === undefined ? all : all.filter(({ cycle }) => cycle < before);
    return listOf(
      STATEMENT_PAGES.page(rest, limit, asked, ({ cycle }) => [cycle]),
      statementSumsObject,
    );
  }
}

function shown(
  statement: Statement,
  format: StatementsRequest['format'],
  reply: FastifyReply,
): StatementsReply | SerializedReply {
  switch (format) {
    case 'json':
      return statementObject(statement);
    case 'csv':
      void reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="statement-${statement.cycle}.csv"`);
      return new SerializedReply(csvStatement(statement));
    case 'html':
      void reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
      return new SerializedReply(htmlStatement(statement));
    default:
      return unreachable(format);
  }
}
