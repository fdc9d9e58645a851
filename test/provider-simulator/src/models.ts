/** The body of `GET /v1/models`. The list is for show: a chat request may name any model. */
export const modelList = JSON.stringify({
  object: 'list',
  data: ['gpt-4o', 'gpt-4o-mini', 'simulated'].map((id) => ({
    id,
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'provider-simulator',
  })),
});
