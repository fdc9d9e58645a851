/** The reply to a request that is refused. */
export interface ErrorEntry {
  /** HTTP status. */
  readonly status: number;
  /** A text for people. It contains no part of the request, so it may be shown to anyone. */
  readonly message: string;
  /** Whether the same request, unchanged, may succeed later. */
  readonly retryable: boolean;
}

/**
 * Every error that Tollgate replies with; each has a section of the same name in `docs/errors.md`. A reached credit
 * limit is 402 and never 429, which clients retry. A fault on our side is 5xx and never 401, which makes people throw
 * away valid keys.
 */
export const ERRORS = {
  // Authentication
  missing_api_key: {
    status: 401,
    message: 'No API key was given. Send it as "Authorization: Bearer <key>".',
    retryable: false,
  },
  /** Unknown, revoked and malformed keys get the same reply, so that it does not disclose which keys exist. */
  invalid_api_key: {
    status: 401,
    message: 'The API key is not valid.',
    retryable: false,
  },
  expired_api_key: {
    status: 401,
    message: 'The API key has expired.',
    retryable: false,
  },
  missing_credential: {
    status: 401,
    message: 'No credential was given: the admin secret or an API key as bearer, or the cookie of a session.',
    retryable: false,
  },
  /** A wrong admin secret, an unknown or ended key and an ended session get the same reply. */
  invalid_credential: {
    status: 401,
    message: 'The credential is not valid.',
    retryable: false,
  },
  /** An unknown address, an account without a password and a wrong password get the same reply. */
  sign_in_failed: {
    status: 401,
    message: 'The e-mail address or the password is wrong.',
    retryable: false,
  },
  invalid_service_secret: {
    status: 401,
    message: 'The service secret is missing or not valid.',
    retryable: false,
  },
  invalid_signature: {
    status: 401,
    message: 'The signature is missing or does not match the body.',
    retryable: false,
  },
  unknown_signing_key: {
    status: 401,
    message: 'The signature was made with a key that is not published.',
    retryable: false,
  },

  // Permissions
  ip_not_allowed: {
    status: 403,
    message: 'The API key may not be used from this address.',
    retryable: false,
  },
  access_denied: {
    status: 403,
    message: 'The credential does not allow this.',
    retryable: false,
  },
  step_up_required: {
    status: 403,
    message: 'This needs a proof of less than 10 minutes of who you are: sign in again.',
    retryable: false,
  },
  invalid_csrf_token: {
    status: 403,
    message: 'The header x-csrf-token must have the csrf_token of the session.',
    retryable: false,
  },
  foreign_origin: {
    status: 403,
    message: 'The request does not come from a page of this installation.',
    retryable: false,
  },
  invitation_for_another: {
    status: 403,
    message: 'The invitation is for another address than the confirmed one of this account.',
    retryable: false,
  },
  role_above_own: {
    status: 403,
    message: 'The role is above that of who asks.',
    retryable: false,
  },
  route_access_denied: {
    status: 403,
    message: 'The route is open to groups only, and no group of the API key has it.',
    retryable: false,
  },
  /** Unknown, used and expired codes get the same reply, and so do those of people who may make no key any more. */
  code_not_valid: {
    status: 403,
    message: 'The code or its verifier is not valid. A code is good once, for 10 minutes.',
    retryable: false,
  },
  model_access_denied: {
    status: 403,
    message: 'The API key may not use this model.',
    retryable: false,
  },

  oidc_required: {
    status: 403,
    message: 'This organisation is open only to sessions that began at its identity provider.',
    retryable: false,
  },
  oidc_refused: {
    status: 403,
    message: 'The sign-in at the identity provider does not open anything here.',
    retryable: false,
  },

  // The request
  invalid_json: {
    status: 400,
    message: 'The body is not valid JSON.',
    retryable: false,
  },
  invalid_request: {
    status: 400,
    message: 'The request is not valid.',
    retryable: false,
  },
  /** Unknown, used and expired ones get the same reply, and so do those that are for something else. */
  invalid_link: {
    status: 400,
    message: 'The link is not valid. It may have been used already, or be too old.',
    retryable: false,
  },
  oidc_attempt_invalid: {
    status: 400,
    message: 'This sign-in was not begun in this browser, was finished before, or took more than 10 minutes.',
    retryable: false,
  },
  challenge_method_differs: {
    status: 400,
    message: 'The code_challenge_method is not that of the request for the code.',
    retryable: false,
  },
  unbounded_cost: {
    status: 400,
    message: 'The cost of this request has no known upper bound, and the API key has a credit limit.',
    retryable: false,
  },
  unpriced_model: {
    status: 400,
    message: 'The price of this model is not known, and what this API key spends is limited.',
    retryable: false,
  },
  /** Unknown, malformed and strangers' ids get the same reply, so that it does not disclose which responses exist. */
  previous_response_not_found: {
    status: 400,
    message: 'There is no response with this previous_response_id that this request could go on from.',
    retryable: false,
  },
  /** The name is OpenAI's. Agents shorten their conversations after it. */
  context_length_exceeded: {
    status: 400,
    message: "The conversation is longer than the model's context.",
    retryable: false,
  },
  /** The name is OpenAI's. */
  content_policy_violation: {
    status: 400,
    message: "A policy of the model's provider forbids the content.",
    retryable: false,
  },
  model_not_found: {
    status: 404,
    message: 'The model does not exist.',
    retryable: false,
  },
  api_key_not_found: {
    status: 404,
    message: 'There is no such API key.',
    retryable: false,
  },
  provider_report_not_found: {
    status: 404,
    message: 'There is no such report of a provider.',
    retryable: false,
  },
  organization_export_not_found: {
    status: 404,
    message: 'There is no export of an organisation with this id.',
    retryable: false,
  },
  statement_not_found: {
    status: 404,
    message: 'There is no such statement.',
    retryable: false,
  },
  price_version_not_found: {
    status: 404,
    message: 'There is no such version of the price book.',
    retryable: false,
  },
  session_not_found: {
    status: 404,
    message: 'There is no such session.',
    retryable: false,
  },
  organization_not_found: {
    status: 404,
    message: 'There is no such organisation.',
    retryable: false,
  },
  budget_not_found: {
    status: 404,
    message: 'The organisation has no budget with this id.',
    retryable: false,
  },
  ledger_account_not_found: {
    status: 404,
    message: 'The organisation has no account with this id.',
    retryable: false,
  },
  credit_grant_not_found: {
    status: 404,
    message: 'No organisation of the caller has a credit grant with this id.',
    retryable: false,
  },
  group_not_found: {
    status: 404,
    message: 'There is no group with this id in this organisation.',
    retryable: false,
  },
  plan_not_found: {
    status: 404,
    message: 'There is no plan with this id.',
    retryable: false,
  },
  subscription_not_found: {
    status: 404,
    message: 'There is no subscription with this id.',
    retryable: false,
  },
  project_not_found: {
    status: 404,
    message: 'There is no such project.',
    retryable: false,
  },
  member_not_found: {
    status: 404,
    message: 'There is no such member.',
    retryable: false,
  },
  quarantined_event_not_found: {
    status: 404,
    message: 'No usage event in quarantine has this id.',
    retryable: false,
  },
  domain_not_found: {
    status: 404,
    message: 'There is no such domain.',
    retryable: false,
  },
  webhook_not_found: {
    status: 404,
    message: 'There is no such webhook.',
    retryable: false,
  },
  webhook_delivery_not_found: {
    status: 404,
    message: 'The webhook was sent nothing with this id.',
    retryable: false,
  },
  oidc_not_configured: {
    status: 404,
    message: 'No identity provider is set up there.',
    retryable: false,
  },
  invitation_not_found: {
    status: 404,
    message: 'There is no such invitation.',
    retryable: false,
  },
  not_found: {
    status: 404,
    message: 'There is nothing at this path.',
    retryable: false,
  },
  method_not_allowed: {
    status: 405,
    message: 'This path does not take that method.',
    retryable: false,
  },
  /** Codex opens a WebSocket first. At 426, and at no other status, it goes on over HTTP at once. */
  websocket_not_served: {
    status: 426,
    message: 'No WebSocket is served here. Send the same request over HTTP.',
    retryable: false,
  },
  request_timeout: {
    status: 408,
    message: 'The request did not arrive in time.',
    retryable: true,
  },
  event_not_bookable: {
    status: 409,
    message: 'The usage event cannot be booked as it is.',
    retryable: false,
  },
  quarantine_already_decided: {
    status: 409,
    message: 'It has been decided about this usage event already.',
    retryable: false,
  },
  conflict: {
    status: 409,
    message: 'The request does not fit the present state of what it names.',
    retryable: false,
  },
  api_key_ended: {
    status: 409,
    message: 'The API key has ended. Make a new key instead.',
    retryable: false,
  },
  key_names_immutable: {
    status: 409,
    message: 'The organisation keeps the names of its API keys: a key keeps the one that it was made with.',
    retryable: false,
  },
  rotation_open: {
    status: 409,
    message:
      'The secret before the present one can still be used. Finish that rotation by POST /v1/api-keys/{id}/finish-rotation, or wait for the end of its grace period, and then rotate again.',
    retryable: false,
  },
  webhook_rotation_open: {
    status: 409,
    message:
      'The secret before the present one still counts. Wait until former_secret_until, or end both at once by grace_period_seconds 0, and then rotate again.',
    retryable: false,
  },
  subscription_ended: {
    status: 409,
    message: 'The subscription has ended.',
    retryable: false,
  },
  name_taken: {
    status: 409,
    message: 'Another one of this name is there already.',
    retryable: false,
  },
  group_limit_reached: {
    status: 409,
    message: 'The organisation, the group or the key has as many groups or routes as it may have.',
    retryable: false,
  },
  webhook_limit_reached: {
    status: 409,
    message: 'The organisation has as many webhooks as it may have.',
    retryable: false,
  },
  subscription_exists: {
    status: 409,
    message: 'There is a subscription for the present cycle already.',
    retryable: false,
  },
  budget_exists: {
    status: 409,
    message: 'The group or the project has a budget already.',
    retryable: false,
  },
  budget_limit_reached: {
    status: 409,
    message: 'The organisation has as many budgets as it may have.',
    retryable: false,
  },
  grant_limit_reached: {
    status: 409,
    message: 'The organisation has as many open credit grants as it may have.',
    retryable: false,
  },
  route_not_configured: {
    status: 409,
    message: 'The configuration has no route of this name.',
    retryable: false,
  },
  project_in_use: {
    status: 409,
    message: 'API keys belong to this project.',
    retryable: false,
  },
  last_owner: {
    status: 409,
    message: 'The organisation would have no owner.',
    retryable: false,
  },
  already_member: {
    status: 409,
    message: 'This person is a member of the organisation already.',
    retryable: false,
  },
  sign_in_first: {
    status: 409,
    message: 'The invited address has an account. Sign in with it, and accept then.',
    retryable: false,
  },
  /** The one 409 that is worth repeating: the first request may be answered by then. */
  domain_not_proven: {
    status: 409,
    message: 'The TXT record of the domain was not found.',
    retryable: false,
  },
  idempotency_conflict: {
    status: 409,
    message: 'A request with the same Idempotency-Key is still being answered.',
    retryable: true,
  },
  precondition_failed: {
    status: 412,
    message: 'What the request changes has another version by now than If-Match names.',
    retryable: false,
  },
  idempotency_key_reused: {
    status: 422,
    message: 'The Idempotency-Key was sent before with another request.',
    retryable: false,
  },
  body_too_large: {
    status: 413,
    message: 'The body is too large.',
    retryable: false,
  },
  unsupported_media_type: {
    status: 415,
    message: 'The body must be JSON, sent as "Content-Type: application/json".',
    retryable: false,
  },
  headers_too_large: {
    status: 431,
    message: 'The headers are too large.',
    retryable: false,
  },

  // Limits
  /** Goes before `quota_exceeded`: what is left of a quota does not matter any more. */
  subscription_expired: {
    status: 402,
    message: 'The subscription of the API key has ended.',
    retryable: false,
  },
  quota_exceeded: {
    status: 402,
    message: 'The credit limit is reached.',
    retryable: false,
  },
  /** What was paid for, or may be owed, is spent; `quota_exceeded` is about a limit that someone below has set. */
  insufficient_balance: {
    status: 402,
    message: 'The balance does not cover the request.',
    retryable: false,
  },
  rate_limit_exceeded: {
    status: 429,
    message: 'Too many requests. Wait before the next one.',
    retryable: true,
  },

  // The model provider
  provider_unreachable: {
    status: 502,
    message: 'The model provider could not be reached.',
    retryable: true,
  },
  provider_failed: { status: 502, message: 'The model provider failed.', retryable: true },
  provider_overloaded: {
    status: 429,
    message: 'The model provider takes no more requests at the moment.',
    retryable: true,
  },
  /** The name is OpenAI's: Codex takes a 503 of this name, and no other, for a model without free capacity. */
  server_is_overloaded: {
    status: 503,
    message: 'The model provider is overloaded at the moment.',
    retryable: true,
  },
  provider_busy: {
    status: 503,
    message: 'All connections to the provider of this model are in use.',
    retryable: true,
  },
  provider_not_configured: {
    status: 503,
    message: 'The provider of this model is not set up on this server.',
    retryable: true,
  },
  provider_timeout: {
    status: 504,
    message: 'The model provider did not answer in time.',
    retryable: true,
  },

  // Tollgate itself
  credit_unavailable: {
    status: 503,
    message: 'Credit cannot be checked at the moment.',
    retryable: true,
  },
  keys_unavailable: {
    status: 503,
    message: 'API keys cannot be checked at the moment.',
    retryable: true,
  },
  journal_unavailable: {
    status: 503,
    message: 'Usage cannot be recorded at the moment.',
    retryable: true,
  },
  signing_keys_unavailable: {
    status: 503,
    message: 'The keys that verify signatures cannot be fetched at the moment.',
    retryable: true,
  },
  dns_unavailable: {
    status: 503,
    message: 'Records of domains cannot be looked up at the moment.',
    retryable: true,
  },
  oidc_unavailable: {
    status: 503,
    message: 'The identity provider gives no usable answer at the moment.',
    retryable: true,
  },
  server_busy: {
    status: 503,
    message: 'The server is receiving as much as it can hold.',
    retryable: true,
  },
  service_unavailable: {
    status: 503,
    message: 'The service is not available at the moment.',
    retryable: true,
  },
  shutting_down: { status: 503, message: 'The server is shutting down.', retryable: true },
  internal_error: {
    status: 500,
    message: 'Something went wrong on our side.',
    retryable: true,
  },
} as const satisfies Record<string, ErrorEntry>;

/** The name of an error: the field `code` of the reply. */
export type ErrorCode = keyof typeof ERRORS;
