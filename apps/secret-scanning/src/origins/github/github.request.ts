import { z } from 'zod';

/** GitHub's scan of all history at enrolment reports thousands of items at once; this many take about a second. */
export const ITEMS_MAX = 10_000;

/**
 * A report as GitHub sends it. The schema is only for the OpenAPI document: `readItem` reads the body, because a
 * malformed item gets a label like the others.
 */
export const githubRequest = z
  .array(
    z.looseObject({
      token: z.string().describe('What a scanner took for a secret, with what stood around it.'),
      type: z.string(),
      url: z.string().describe('Where it was seen; may be empty.'),
      source: z.string().describe('In what it was seen, as `commit`.'),
    }),
  )
  .max(ITEMS_MAX)
  .meta({
    id: 'GithubReport',
    examples: [
      [
        {
          token: 'some_token',
          type: 'tollgate_key',
          url: 'https://github.com/octocat/hello-world/blob/main/.env',
          source: 'commit',
        },
      ],
    ],
  });
