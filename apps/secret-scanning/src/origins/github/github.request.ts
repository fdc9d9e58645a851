import { z } from 'zod';

/** A history scan at enrolment reports thousands at once; a report of this size takes about a second. */
export const ITEMS_MAX = 10_000;

/**
 * A report as GitHub sends it. It is for the document alone: the body is read by `readItem`, because an item that is at
 * fault gets a label like the others.
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
