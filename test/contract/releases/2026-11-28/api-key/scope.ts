/** What a key may do. Chat needs `inference:write`. */
export const SCOPES = ['inference:read', 'inference:write', 'analytics:read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
/** What a key made without scopes gets. */
export const DEFAULT_SCOPES: readonly Scope[] = ['inference:read', 'inference:write'];
