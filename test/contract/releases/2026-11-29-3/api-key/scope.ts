/** The permissions that a key can have. Chat needs `inference:write`. */
export const SCOPES = ['inference:read', 'inference:write', 'analytics:read', 'admin'] as const;
/** One thing that a key may do, such as `inference:write`. */
export type Scope = (typeof SCOPES)[number];
/** The scopes of a key that is created without any. */
export const DEFAULT_SCOPES: readonly Scope[] = ['inference:read', 'inference:write'];
