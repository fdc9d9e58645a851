export { Reply, StreamInFlight } from './kit/chat-reply.js';
export { appEnvironment, type Deployment, type DistributedApp, type Environment } from './kit/app-environments.js';
export { appScript, repository } from './kit/app-script.js';
export { queryDatabase } from './kit/database.js';
export { startDistributed, type DistributedOptions, type DistributedShape } from './kit/distributed.js';
export { inventedSecret } from './kit/invented-secret.js';
export { ManagedProcess } from './kit/managed-process.js';
export { costNanoUsd, holdNanoUsd, nanoUsd, usd } from './kit/prices.js';
export { costOfEntry, providerEntries, providerEntry, totalsOf, usageLagMsMax, usageOf } from './kit/provider-log.js';
export { completion, plain, startScriptedProvider, type ScriptedProvider } from './kit/scripted-provider/index.js';
export { startOutside, type Outside } from './kit/outside.js';
export type { Canaries, Gateway, Shape } from './kit/shape.js';
export { contentOf, eventsOf, type ChatChunk, type StreamEvent } from './kit/sse.js';
export { startStandalone, type StandaloneOptions, type StandaloneShape } from './kit/standalone.js';
export { tellOutputs } from './kit/tell-outputs.js';
export {
  chatBody,
  chatPath,
  TollgateClient,
  type ApiKey,
  type ChatFields,
  type CreatedKey,
  type UsageTotals,
} from './kit/tollgate-client.js';
export { waitingAtGate } from './kit/waiting-at-gate.js';
