import { z } from 'zod';

const itemFeedback = z.object({
  token_hash: z.string().describe('SHA-256 of the token, in hex.'),
  token_type: z.string().describe('The `type` of the item.'),
  label: z.enum(['true_positive', 'false_positive']).describe('Whether a secret in the token is one of ours.'),
});
export type ItemFeedback = Readonly<z.input<typeof itemFeedback>>;

export const githubReply = z.array(itemFeedback).meta({
  id: 'GithubFeedback',
  examples: [
    [
      {
        token_hash: '62c5b5bd5dbb0b1f2a9b1d7ea1bd0f8e1c0c4bcee0df1c0a6f2a5f5f64dcb0a9',
        token_type: 'tollgate_key',
        label: 'false_positive',
      },
    ],
  ],
});
