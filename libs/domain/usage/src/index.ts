export { BUILT_IN_TOOLS, isFreeTool, toolOfItem, toolOfType, type ToolName } from './built-in-tools.js';
export { NO_DETAILS, type ModelPass, type TokenUsage, type UsageDetails } from './token-usage.js';
export { cutUsage, usageClasses, type UsageClasses } from './usage-classes.js';
export { mergeReports } from './merge-reports.js';
export { readUsage, reportIn, servedIn, withServiceTier, withToolCall } from './reported-usage.js';
export { CallCount } from './tool-calls.js';
export type { UsageReport } from './usage-report.js';
