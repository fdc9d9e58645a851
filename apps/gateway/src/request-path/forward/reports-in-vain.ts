import { reportIn, type TokenUsage, type UsageReport } from '@tollgate/usage';
import { parseReply } from '../../dialects/openai/parse-reply.js';
import type { Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange/exchange.js';
import { judgeUsage } from '../usage/judge-usage.js';
import { NO_USAGE, type CallOutcome } from './call.js';

/** What a provider reported as used by an attempt that gave the client no answer. */
export interface ReportInVain {
  readonly target: Target;
  readonly usage: TokenUsage;
}

/** An error has a few lines. A longer one is not read for a report. */
const ERROR_BYTES_MAX = 1024 * 1024;
const NOTHING_COUNTED = { inputTokens: 0, outputTokens: 0 };

/**
 * Keeps what an attempt reports that gives the client no answer: the provider charges for it, so it belongs into the
 * event of the call. Nothing of such an attempt is counted by the gateway.
 */
export function keepReport(
  exchange: Pick<Exchange, 'reportsInVain'>,
  target: Target,
  report: UsageReport | null,
): void {
  if (report === null) return;
  const { usage } = judgeUsage(report, NOTHING_COUNTED, false);
  if (!isUsed(usage)) return;
  exchange.reportsInVain ??= [];
  exchange.reportsInVain.push({ target, usage });
}

/** The report in the body of an error, whose status says that it is one; null for none. */
export function reportOfError(body: Buffer): UsageReport | null {
  return body.length > ERROR_BYTES_MAX || !body.includes('"usage"') ? null : reportIn(parseReply(body));
}

/**
 * The end of a call of which the client gets no answer. It owes nothing, but its event says what was used if a provider
 * reported that: the event is then of the last attempt that did.
 */
export function unanswered(
  exchange: Pick<Exchange, 'reportsInVain'>,
  call: Pick<CallOutcome, 'target' | 'outcome' | 'statusCode' | 'finish'>,
): CallOutcome {
  const last = exchange.reportsInVain?.pop();
  if (last === undefined) return { ...call, usage: NO_USAGE, usageSource: 'none', owesNothing: true };
  return { ...call, target: last.target, usage: last.usage, usageSource: 'provider', owesNothing: true };
}

function isUsed({ inputTokens, outputTokens, details }: TokenUsage): boolean {
  if (inputTokens > 0 || outputTokens > 0) return true;
  return details !== undefined && (details.passes.length > 0 || Object.keys(details.toolCalls).length > 0);
}
