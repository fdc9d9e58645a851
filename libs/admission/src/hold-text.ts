import type { OpenHold } from '@tollgate/credit';

/** A hold as the scripts keep it: "key|instance|journal|amount|parallel|tokens|account|…". */
export function formatHold(hold: OpenHold): string {
  const parts = [hold.apiKeyId, hold.instanceId, hold.journalId, hold.amountNanoUsd, hold.parallel ? 1 : 0, hold.tokens, ...hold.accountIds];
  return parts.join('|');
}

export function parseHold(requestId: string, text: string): OpenHold {
  const [apiKeyId, instanceId, journalId, amount, parallel, tokens, ...accountIds] = text.split('|');
  return {
    requestId,
    apiKeyId: apiKeyId!,
    instanceId: instanceId!,
    journalId: journalId!,
    amountNanoUsd: BigInt(amount!),
    accountIds,
    parallel: parallel === '1',
    tokens: Number(tokens),
  };
}
