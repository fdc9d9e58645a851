/** The day, in UTC, that a moment lies in: `2026-11-29`. The moment is in milliseconds since 1970. */
export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
