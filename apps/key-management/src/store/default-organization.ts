/** The organisation of every key until there are more. Its row is made by the first migration. */
export const DEFAULT_ORGANIZATION_ID = 'default';
