export { createNestServer, REQUEST_TIMEOUT_MS, WEBHOOK_BODY_BYTES_MAX, type NestServerOptions } from './nest-server.js';
export { BODY_BUDGET_BYTES, BodyBudget, SMALL_BODY_BYTES, type BodyRoom } from './body-budget.js';
export { BodyChunks } from './body-chunks.js';
export { declaredBytes, hasBody } from './body-framing.js';
export { watchPace } from './body-pace.js';
export { askForBody } from './expect-continue.js';
export { domainOfAddress, emailAddressField, normalDomain, normalEmailAddress } from './email-address.js';
export { isForm, parseForm } from './forms.js';
export { guardHeads } from './guard-heads.js';
export { peerAddress } from './peer-address.js';
export { isPrivateAddress } from './private-address.js';
export { publicConnector, type PublicConnectorOptions } from './public-connector.js';
export { readAway } from './read-away.js';
export { isRefusedConnection } from './refused-connection.js';
export { stopListening } from './stop-listening.js';
export { originForm, pathOfTarget } from './request-target.js';
export {
  askedRaise,
  creditLimitRaise,
  creditLimitRaiseObject,
  creditLimitRaiseReply,
  raisedLimit,
  raiseOrRefused,
  readAmount,
  usdAmount,
  type CreditLimitRaise,
} from './amount-fields.js';
export { Problem, type ProblemOptions } from './problem.js';
export { ProblemFilter } from './problem-filter.js';
export { problemCodeOf, sendProblem } from './answer-exception.js';
export { parseBody, parseJson } from './parse-body.js';
export { boundedBytes, isStreamed, LINES_MEDIA_TYPE } from './streamed-bodies.js';
export { publicRoutesOf } from './server-routes.js';
export { AddressAllowance, blockOf } from './address-allowance.js';
export {
  FAILURE_LIMITS_DEFAULT,
  FailureLimits,
  type Attempt,
  type FailureLimitSettings,
  type FailureLimitsOptions,
} from './failure-limits.js';
export { clientAddressHeaders, clientAddressOf, isClientAddressKnown, OWN_HEADERS_PREFIX } from './client-address.js';
export {
  formerCursor,
  listOf,
  listReply,
  exactMoment,
  newestFirst,
  notACursor,
  pageQuery,
  Pages,
  type ListAsked,
  type Page,
} from './pages.js';
export { entityTagOf, IfMatch, NO_PRECONDITION, showVersion, type Precondition } from './entity-tag.js';
export { Idempotent, type IdempotentRequest } from './idempotent-request.js';
export { CSV_BYTE_ORDER_MARK, csvLine, type CsvCell } from './csv.js';
export { Html, html, type HtmlPart } from './html.js';
export { SerializedReply } from './reply-serializer.js';
export { headFault } from './head-fault.js';
export { SecretChecks } from './secret-checks.js';
export { acceptedSecrets, isAccepted, type AcceptedSecrets } from './accepted-secrets.js';
export { ADMIN_CHALLENGE, ADMIN_SECRETS, SERVICE_SECRETS, ServiceGuard } from './guards.js';
export {
  NamesOrganization,
  noteOrganization,
  OrganizationId,
  organizationIdOf,
  readOrganizationHeader,
} from './organization-id.js';
export { bearerOf, matchesSecret, sameSecret, secretDigest } from './bearer.js';
export { InternalCallError, InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';
export { httpKeyManagementApi, PEPPER_ID_HEADER, type KeyManagementClientOptions } from './key-management-client.js';
export { httpUsageBillingApi, type UsageBillingClientOptions } from './usage-billing-client.js';
export { TrustedProxies, type ClientAddress, type ClientAddressReading, type TrustedProxy } from './trusted-proxies.js';
