import { CREDIT_RESETS, type CreditReset } from '@tollgate/api-key';
import type { FieldError } from '@tollgate/errors';
import type { Project } from '../projects/project.js';
import { html, type Html } from '@tollgate/http';
import { htmlPage } from '../sign-in/pages/html-page.js';
import type { OrganizationChoice } from './authorization-code-store.js';
import type { ConsentForm, KeyWish } from './consent.request.js';

/** What the page shows. */
export interface ConsentView {
  readonly wish: KeyWish;
  readonly email: string;
  /** Those in which the person may make keys. */
  readonly organizations: readonly OrganizationChoice[];
  /** The one that the key would be of. */
  readonly organization: OrganizationChoice;
  readonly projects: readonly Project[];
  readonly csrfToken: string;
  /** What the fields have: what the person has entered before, or what the app asks for. */
  readonly entered: EnteredFields;
  /** What is wrong with it. */
  readonly errors: readonly FieldError[];
}

/** The fields that a person can change. */
export type EnteredFields = Pick<
  ConsentForm,
  'name' | 'credit_limit_usd' | 'credit_reset' | 'models' | 'expires_in_days' | 'project_id'
>;

const RESETS: Readonly<Record<CreditReset, string>> = {
  never: 'never: for the life of the key',
  daily: 'every day, at 00:00 UTC',
  weekly: 'every Monday, at 00:00 UTC',
  monthly: 'on the first of each month, at 00:00 UTC',
};

/** The page on which a person sees which app asks for a key, makes less of it, and agrees or declines. */
export function consentPage(view: ConsentView): string {
  const { wish, email, organization } = view;
  return htmlPage(
    'A key for an app',
    html`<p><strong class="address">${wish.callback.origin}</strong> asks for an API key of yours.</p>
      ${wish.label === null ? '' : html`<p>It calls the key “${wish.label}”.</p>`}
      <p>
        With the key it can call models at the cost of your organisation, up to the limit that you set here. It can do
        nothing else, and you can end the key at any time.
      </p>
      <dl>
        <dt>You are</dt>
        <dd>
          <span class="address">${email}</span>
          (<a href="/sign-in?return_to=${encodeURIComponent(`/auth?${wish.query}`)}">use another account</a>)
        </dd>
        <dt>You go back to</dt>
        <dd class="address">${wish.callback.url}</dd>
      </dl>
      ${organizationForm(view)} ${alertOf(view.errors)}
      <form method="post" action="/auth">
        <input type="hidden" name="request" value="${wish.query}" />
        <input type="hidden" name="csrf_token" value="${view.csrfToken}" />
        <input type="hidden" name="organization_id" value="${organization.id}" />
        ${fields(view)}
        <button type="submit" name="decision" value="agree">Agree, and go back</button>
        <button type="submit" class="second" name="decision" value="decline" formnovalidate>Decline</button>
      </form>`,
  );
}

/** A choice of the organisation, which shows the page anew: its projects are others. */
function organizationForm({ organizations, organization, wish }: ConsentView): Html {
  if (organizations.length < 2) return html`<p>The key will be of ${organization.name}.</p>`;
  return html`<form method="get" action="/auth">
    ${[...new URLSearchParams(wish.query)].map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    <label for="organization">Organisation that pays</label>
    <select id="organization" name="organization_id">
      ${organizations.map(({ id, name }) => option(id, name, id === organization.id))}
    </select>
    <button type="submit" class="second">Show this organisation</button>
  </form>`;
}

const option = (value: string, text: string, selected: boolean): Html =>
  html`<option value="${value}" ${selected ? html`selected` : ''}>${text}</option>`;

function alertOf(errors: readonly FieldError[]): Html {
  if (errors.length === 0) return html``;
  return html`<div role="alert">
    <p>Nothing was made yet:</p>
    <ul>
      ${errors.map(({ path, message }) => html`<li>${LABELS[path.replace(/\[.*$/, '')] ?? path} ${message}</li>`)}
    </ul>
  </div>`;
}

/** What the fields of a key are called on the page. */
const LABELS: Readonly<Record<string, string>> = {
  name: 'The name',
  credit_limit_usd: 'The credit limit',
  credit_reset: 'When the limit begins anew',
  models: 'The list of models',
  expires_in_days: 'The number of days',
  expires_at: 'The expiry',
  project_id: 'The project',
};

function fields({ entered, projects, wish }: ConsentView): Html {
  return html`<label for="name">Name of the key</label>
    <input id="name" name="name" type="text" autocomplete="off" maxlength="100" required value="${entered.name}" />
    <label for="credit-limit">Credit limit in USD</label>
    <input
      id="credit-limit"
      name="credit_limit_usd"
      type="text"
      inputmode="decimal"
      autocomplete="off"
      maxlength="17"
      value="${entered.credit_limit_usd}"
      aria-describedby="credit-limit-hint"
    />
    <p class="hint" id="credit-limit-hint">Empty: no limit of its own.</p>
    <label for="credit-reset">The limit begins anew</label>
    <select id="credit-reset" name="credit_reset">
      ${CREDIT_RESETS.map((reset) => option(reset, RESETS[reset], reset === entered.credit_reset))}
    </select>
    <label for="models">Models</label>
    <textarea id="models" name="models" rows="2" spellcheck="false" autocomplete="off" aria-describedby="models-hint">
${entered.models}</textarea>
    <p class="hint" id="models-hint">Names, as gpt-4o or gpt-4o*, with spaces between them. Empty: all models.</p>
    <label for="expires">Days until it expires</label>
    <input
      id="expires"
      name="expires_in_days"
      type="text"
      inputmode="numeric"
      autocomplete="off"
      maxlength="4"
      value="${entered.expires_in_days}"
      aria-describedby="expires-hint"
    />
    <p class="hint" id="expires-hint">
      ${
        wish.expiresAt === null
          ? 'Empty: it does not expire.'
          : `It expires at ${wish.expiresAt.toISOString()} at the latest, as the app asks.`
      }
    </p>
    <label for="project">Project</label>
    <select id="project" name="project_id">
      ${option('', 'None', entered.project_id === '')}
      ${projects.map(({ id, name }) => option(id, name, id === entered.project_id))}
    </select>`;
}

/** The page for somebody who may make a key in none of their organisations. */
export function noOrganizationPage({ callback }: KeyWish, email: string): string {
  return htmlPage(
    'No key for the app',
    html`<p><strong class="address">${callback.origin}</strong> asks for an API key of yours.</p>
      <p>
        You are signed in as <span class="address">${email}</span>, and there is no organisation in which you may make
        keys: it takes the role member or above, and a sign-in that the organisation accepts.
      </p>`,
  );
}

/**
 * The page that leads back to the app. It refreshes instead of redirecting: browsers hold a redirect that answers a
 * form against the policy of the page with the form, and that allows our own origin alone.
 */
export function backPage(url: string, { origin }: { readonly origin: string }, agreed: boolean): string {
  return htmlPage(
    agreed ? 'The app gets its key' : 'No key was made',
    html`<p>You are being sent back to <strong class="address">${origin}</strong>.</p>
      <p><a href="${url}">Go on, if nothing happens</a></p>`,
    html`<meta http-equiv="refresh" content="0; url=${url}" />`,
  );
}
