import { z } from 'zod';

/** The longest token that is looked at. Ours have 43 characters; another length is no link of ours, and says so. */
const TOKEN_LENGTH_MAX = 200;

/** The field of a request that is the token of a link. */
export const linkTokenField = z
  .string()
  .min(1)
  .max(TOKEN_LENGTH_MAX)
  .describe('What stands behind `#token=` in the link.');
