import type { Scope } from '@tollgate/api-key';
import type { Role } from './role.js';

/** What a route asks of who asks. */
export type Permission =
  /** Nothing: the route is open, or checks a credential of its own (a signature, a token of a mail). */
  | {
      readonly kind: 'anyone';
      /** Pages of every origin may ask it and read its answers: no cookie is looked at. Left out, only our own may. */
      readonly fromAnyPage?: true;
    }
  /** Any credential that is valid. */
  | { readonly kind: 'identified' }
  /** A person's session; the route is about their own account. */
  | { readonly kind: 'person' }
  /** The admin secret. */
  | { readonly kind: 'operator' }
  /** An API key, whatever its scopes; the route is about that key itself. */
  | { readonly kind: 'key' }
  /** Both halves of a project key; the route is about its project. */
  | { readonly kind: 'project_key' }
  | OrganizationPermission;

/** A route about one organisation: for its members of a role, its keys of a scope, and the admin secret. */
export interface OrganizationPermission {
  readonly kind: 'organization';
  /** The least role of a person. */
  readonly role: Role;
  /** The scope that a key needs; null if no key may. A key with the scope `admin` has every scope. */
  readonly scope: Scope | null;
  /**
   * A session must have proved again, within 10 minutes, who its person is. Keys and the admin secret never need it.
   */
  readonly stepUp?: true;
  /** The field of the body that hands out a role or scopes, which may not be above the giver's own. */
  readonly handsOut?: 'role' | 'scopes';
}

const anyone = { kind: 'anyone' } as const;
const identified = { kind: 'identified' } as const;
const person = { kind: 'person' } as const;
const operator = { kind: 'operator' } as const;
const key = { kind: 'key' } as const;
const projectKey = { kind: 'project_key' } as const;
const fromAnyPage = { kind: 'anyone', fromAnyPage: true } as const;

function members(
  role: Role,
  scope: Scope | null,
  more: Pick<OrganizationPermission, 'stepUp' | 'handsOut'> = {},
): OrganizationPermission {
  return { kind: 'organization', role, scope, ...more };
}

/** What each route of the admin API asks, by the id of its operation. Guards, document and tests read this table. */
export const PERMISSIONS = {
  // Keys
  createApiKey: members('member', 'admin', { handsOut: 'scopes' }),
  importApiKeys: members('admin', 'admin', { handsOut: 'scopes' }),
  listApiKeys: members('viewer', 'admin'),
  searchApiKeys: members('viewer', 'admin'),
  getApiKey: members('viewer', 'admin'),
  explainApiKey: members('viewer', 'admin'),
  updateApiKey: members('member', 'admin'),
  deleteApiKey: members('member', 'admin'),
  revokeApiKey: members('member', 'admin'),
  disableApiKey: members('member', 'admin'),
  enableApiKey: members('member', 'admin'),
  createProjectApiKey: members('member', 'admin'),
  // Each action also asks what its call for one key asks.
  bulkApiKeys: members('member', 'admin'),
  rotateApiKey: members('member', 'admin'),
  finishApiKeyRotation: members('member', 'admin'),

  // Keys for apps, and what other products call theirs
  getConsentPage: anyone,
  answerConsent: anyone,
  exchangeCode: fromAnyPage,
  listOpenRouterKeys: members('viewer', 'admin'),
  createOpenRouterKey: members('member', 'admin'),
  getOpenRouterKey: members('viewer', 'admin'),
  updateOpenRouterKey: members('member', 'admin'),
  deleteOpenRouterKey: members('member', 'admin'),
  getCurrentOpenRouterKey: key,
  getBillingCredits: key,
  listProjectsOfKey: projectKey,

  // Groups and routes: groups change what keys may reach, so they are an admin's
  createGroup: members('admin', 'admin'),
  listGroups: members('viewer', 'admin'),
  getGroup: members('viewer', 'admin'),
  updateGroup: members('admin', 'admin'),
  deleteGroup: members('admin', 'admin'),
  listGroupKeys: members('viewer', 'admin'),
  addKeyToGroup: members('admin', 'admin'),
  removeKeyFromGroup: members('admin', 'admin'),
  addRouteToGroup: members('admin', 'admin'),
  removeRouteFromGroup: members('admin', 'admin'),
  listRoutes: members('viewer', 'admin'),
  listApiKeyRoutes: members('viewer', 'admin'),

  // Usage
  getUsage: members('viewer', 'analytics:read'),
  getOpenRouterActivity: members('viewer', 'analytics:read'),
  findUsageEvent: members('viewer', 'analytics:read'),
  listOrganizationExports: operator,
  getOrganizationExport: operator,
  importProviderReport: operator,
  listProviderReports: operator,
  getProviderReport: operator,
  listStatements: members('admin', 'admin'),

  // Prices: the same for every organisation, but for those that the operator has set for one
  getOrganizationPrices: members('admin', 'admin'),
  setOrganizationPrices: operator,
  listPrices: members('viewer', 'analytics:read'),
  getPriceVersion: members('viewer', 'analytics:read'),

  // Alerts and webhooks: what is sent outside is an admin's
  listAlerts: members('viewer', 'admin'),
  getAlertSettings: members('viewer', 'admin'),
  updateAlertSettings: members('admin', 'admin'),
  createWebhook: members('admin', 'admin'),
  listWebhooks: members('admin', 'admin'),
  getWebhook: members('admin', 'admin'),
  updateWebhook: members('admin', 'admin'),
  deleteWebhook: members('admin', 'admin'),
  rotateWebhook: members('admin', 'admin'),
  testWebhook: members('admin', 'admin'),
  listWebhookDeliveries: members('admin', 'admin'),
  replayWebhookDelivery: members('admin', 'admin'),

  // The ledger
  listLedgerAccounts: members('admin', 'admin'),
  listTransfers: members('admin', 'admin'),
  getReconciliation: operator,

  // Quarantine
  listQuarantinedEvents: operator,
  getQuarantinedEvent: operator,
  replayQuarantinedEvent: operator,
  discardQuarantinedEvent: operator,

  // Plans and subscriptions. Owners subscribe only to plans for self-service: the use case looks.
  createPlan: operator,
  listPlans: identified,
  getPlan: identified,
  updatePlan: operator,
  deletePlan: operator,
  createSubscription: members('owner', null),
  listSubscriptions: members('viewer', 'admin'),
  getSubscription: members('viewer', 'admin'),
  updateSubscription: members('owner', null),
  replaceSubscriptionKey: members('owner', null),
  cancelSubscription: members('owner', null),
  resumeSubscription: members('owner', null),

  // Organisations
  createOrganization: operator,
  listOrganizations: identified,
  getOrganization: members('viewer', 'admin'),
  updateOrganization: members('owner', null),
  deleteOrganization: members('owner', null, { stepUp: true }),
  getOidcProvider: members('owner', null),
  setOidcProvider: members('owner', null, { stepUp: true }),
  deleteOidcProvider: members('owner', null, { stepUp: true }),
  listDomains: members('admin', null),
  createDomain: members('owner', null),
  verifyDomain: members('owner', null),
  deleteDomain: members('owner', null),

  getOrganizationBilling: members('admin', 'admin'),
  setOrganizationBilling: operator,
  createCreditGrant: operator,
  listCreditGrants: members('admin', 'admin'),
  getCreditGrant: members('admin', 'admin'),
  expireCreditGrant: operator,
  getCredits: members('viewer', 'analytics:read'),
  getOpenRouterCredits: members('viewer', 'analytics:read'),
  createBudget: members('admin', 'admin'),
  listBudgets: members('viewer', 'admin'),
  getBudget: members('viewer', 'admin'),
  updateBudget: members('admin', 'admin'),
  deleteBudget: members('admin', 'admin'),

  // Projects
  createProject: members('admin', 'admin'),
  listProjects: members('viewer', 'admin'),
  getProject: members('viewer', 'admin'),
  updateProject: members('admin', 'admin'),
  deleteProject: members('admin', 'admin'),

  // Members and invitations
  listMembers: members('viewer', 'admin'),
  updateMember: members('admin', 'admin', { stepUp: true, handsOut: 'role' }),
  // Everybody may leave; the use case asks for an admin where it is somebody else who is removed.
  removeMember: members('viewer', 'admin'),
  createInvitation: members('admin', 'admin', { handsOut: 'role' }),
  listInvitations: members('admin', 'admin'),
  deleteInvitation: members('admin', 'admin'),
  acceptInvitation: anyone,

  // Audit
  listAuditLogs: members('admin', 'admin'),
  exportAuditLogs: members('admin', 'admin', { stepUp: true }),
  verifyAuditLogs: members('admin', 'admin'),
  eraseAuditTexts: members('owner', null, { stepUp: true }),

  // People and sessions
  getMe: identified,
  createSession: anyone,
  listSessions: person,
  deleteSession: person,
  deleteCurrentSession: person,
  stepUpSession: person,
  startOidcSession: anyone,
  finishOidcSession: anyone,
  createPasswordReset: anyone,
  finishPasswordReset: anyone,
  createEmailConfirmation: person,
  finishEmailConfirmation: anyone,
  useSignInLink: anyone,

  // Pages
  getSignInPage: anyone,
  getInvitationPage: anyone,
  getPasswordResetPage: anyone,
  getEmailConfirmationPage: anyone,
  getSignInLinkPage: anyone,
  getAccountPagesScript: anyone,
  getAccountPagesStyle: anyone,

  // Webhooks
  reportLeakedSecrets: anyone,
} as const satisfies Record<string, Permission>;

/** The id of an operation of the admin API. */
export type AdminOperation = keyof typeof PERMISSIONS;
