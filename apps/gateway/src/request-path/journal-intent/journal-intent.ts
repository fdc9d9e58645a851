import type { Journal } from '../../journal/journal.js';
import type { Intent } from '../../journal/records.js';
import type { GatewayIdentity } from '../admit/admit.js';
import type { Exchange } from '../exchange.js';
import { refuse, type Refusal } from '../refusal.js';

/** Writes down that a provider is about to be called, with all that the usage event needs if this process dies. */
export function journalIntent(journal: Journal, gateway: GatewayIdentity, priceVersion: string): (exchange: Exchange) => Promise<Refusal | undefined> {
  return async (exchange) => {
    const intent = intentOf(exchange, gateway, priceVersion);
    exchange.intent = intent;
    try {
      await journal.append('I', exchange.requestId, intent.event.organizationId, 0, JSON.stringify(intent));
    } catch {
      return refuse('journal_unavailable');
    }
    exchange.intended = true;
    return undefined;
  };
}

function intentOf(exchange: Exchange, gateway: GatewayIdentity, priceVersion: string): Intent {
  const { snapshot } = exchange.key!;
  const target = exchange.targets[0]!;
  return {
    event: {
      eventVersion: 1,
      requestId: exchange.requestId,
      organizationId: snapshot.organizationId,
      apiKeyId: snapshot.apiKeyId,
      journalId: gateway.journalId,
      route: exchange.route!.name,
      provider: target.provider.name,
      model: target.model,
      stream: exchange.stream,
      holdNanoUsd: exchange.holdNanoUsd === null ? null : exchange.holdNanoUsd.toString(),
      accounts: [...snapshot.accounts],
      priceVersion,
      startedAt: new Date(exchange.startedAtMs).toISOString(),
      clientAddress: exchange.clientAddress,
    },
    inputTokensEstimate: exchange.inputTokensEstimate,
    inputNanoUsdPerMillion: target.price.inputNanoUsdPerMillion.toString(),
    outputNanoUsdPerMillion: target.price.outputNanoUsdPerMillion.toString(),
  };
}
