export { createNestServer, type NestServerOptions } from './nest-server.js';
export { Problem, type ProblemOptions } from './problem.js';
export { ProblemFilter, sendProblem } from './problem-filter.js';
export { parseBody, parseJson, parseQuery } from './parse-body.js';
export { ADMIN_SECRET, AdminGuard, SERVICE_SECRET, ServiceGuard } from './guards.js';
export { bearerOf, sameSecret } from './bearer.js';
export { InternalCallError, InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';
export { httpKeyManagementApi } from './key-management-client.js';
export { httpUsageBillingApi, type UsageBillingClientOptions } from './usage-billing-client.js';
