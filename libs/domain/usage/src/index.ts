export { NO_DETAILS, type ModelPass, type TokenUsage, type UsageDetails } from './token-usage.js';
export { mergeReports, readUsage, reportIn, type UsageReport } from './reported-usage.js';
