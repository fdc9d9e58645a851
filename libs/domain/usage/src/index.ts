export { NO_DETAILS, type ModelPass, type TokenUsage, type UsageDetails } from './token-usage.js';
export { cutUsage, usageClasses, type UsageClasses } from './usage-classes.js';
export { mergeReports } from './merge-reports.js';
export { readUsage, reportIn, withServiceTier } from './reported-usage.js';
export { toolOfItem, toolOfType } from './tool-calls.js';
export type { UsageReport } from './usage-report.js';
