export { codeOf, mendableFault, reasonOf, StartFault } from './start-fault.js';
export { folderFault, inFolder, makeNamedFolder } from './folder-fault.js';
export { listenersFree, portsFree, type ListenerSettings, type WantedPort } from './ports-free.js';
export { stopRequest, type StopRequest } from './stop-request.js';
export { endOnSignals, type EndOnSignalsOptions } from './stop-signals.js';
export { startService } from './start-service.js';
export { warnOfUnknown } from './warn-of-unknown.js';
