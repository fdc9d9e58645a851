import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../../people/passwords.js';
import { html, type Html } from '@tollgate/http';
import { htmlPage } from './html-page.js';

/** Where the script of the pages is. */
export const SCRIPT_PATH = '/account-pages/account.js';

/** The pages on which people sign in and use the links of mails. */
export const ACCOUNT_PAGES = ['sign-in', 'invitation', 'password-reset', 'email-confirmation', 'sign-in-link'] as const;
export type AccountPage = (typeof ACCOUNT_PAGES)[number];

/** The HTML of a page. It is the same for everybody: what is particular is read by its script, in the browser. */
export function accountPage(page: AccountPage): string {
  const { title, body } = PAGES[page];
  const head = html`<script type="module" src="${SCRIPT_PATH}"></script>`;
  const noScript = html`<noscript
    ><p role="alert">This page needs JavaScript, which is switched off in this browser.</p></noscript
  >`;
  return htmlPage(title, [noScript, body], head);
}

interface FormParts {
  /** The action of the page's script. */
  readonly action: string;
  readonly button: string;
  readonly fields: readonly Html[];
  readonly more?: Html;
}

/** Buttons work once the script runs: without it a form would send its fields somewhere else. */
function form({ action, button, fields, more = html`` }: FormParts): Html {
  return html`<form method="post" data-action="${action}">
    <div class="fields">
      ${fields}
      <button type="submit" disabled>${button}</button>
      ${more}
    </div>
    <p role="status" aria-live="polite"></p>
    <p role="alert"></p>
  </form>`;
}

interface FieldParts {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly autocomplete: string;
}

const email = (id: string, autofocus = false): Html =>
  html`<label for="${id}">E-mail address</label>
    <input
      id="${id}"
      name="email"
      type="email"
      autocomplete="username"
      maxlength="254"
      required
      ${autofocus ? html`autofocus` : ''}
    />`;

const password = ({ id, name, label, autocomplete }: FieldParts): Html =>
  html`<label for="${id}">${label}</label>
    <input
      id="${id}"
      name="${name}"
      type="password"
      autocomplete="${autocomplete}"
      maxlength="${PASSWORD_LENGTH_MAX}"
      required
    />`;

const newPassword = (id: string, label: string, required = true): Html =>
  html`<label for="${id}">${label}</label>
    <input
      id="${id}"
      name="password"
      type="password"
      autocomplete="new-password"
      minlength="${PASSWORD_LENGTH_MIN}"
      maxlength="${PASSWORD_LENGTH_MAX}"
      aria-describedby="${id}-hint"
      ${required ? html`required` : ''}
    />
    <p class="hint" id="${id}-hint">At least ${PASSWORD_LENGTH_MIN} characters.</p>`;

const currentPassword = (id: string): Html =>
  password({ id, name: 'password', label: 'Password', autocomplete: 'current-password' });

const withToken = (body: Html): Html => html`<div data-with-token="yes">${body}</div>`;
const withoutToken = (body: Html): Html => html`<div data-with-token="no" hidden>${body}</div>`;

const INCOMPLETE = withoutToken(html`<p>This link is incomplete. Open it once more, or copy all of it.</p>`);

const SIGN_OUT = html`<button type="button" class="second" data-sign-out hidden>Sign out</button>`;
const TO_SIGN_IN = html`<p data-before><a href="/sign-in">Sign in</a></p>`;

const PAGES: Readonly<Record<AccountPage, { readonly title: string; readonly body: Html }>> = {
  'sign-in': {
    title: 'Sign in',
    body: html`${form({
        action: 'signIn',
        button: 'Sign in',
        fields: [email('email', true), currentPassword('password')],
        more: html`<button type="submit" class="second" data-action="signInByProvider" formnovalidate disabled>
          Sign in through your organisation
        </button>`,
      })}
      ${SIGN_OUT}
      <p data-before><a href="/password-reset">Forgotten your password?</a></p>`,
  },
  'sign-in-link': {
    title: 'Sign in by a link',
    body: html`${withToken(
      html`<p data-before>The link is good for one sign-in. Choose a password, so that you can sign in again later.</p>
        ${form({
          action: 'useSignInLink',
          button: 'Sign in',
          fields: [newPassword('password', 'New password (may be left empty)', false)],
        })}
        ${SIGN_OUT}`,
    )}
    ${INCOMPLETE} ${TO_SIGN_IN}`,
  },
  'password-reset': {
    title: 'New password',
    body: html`${withToken(
      html`<p>All your sessions end when the new password is set.</p>
        ${form({
          action: 'finishReset',
          button: 'Set password',
          fields: [newPassword('password', 'New password')],
        })}`,
    )}
    ${withoutToken(
      html`<p>We send a link to the address of your account.</p>
        ${form({ action: 'askForReset', button: 'Send a link', fields: [email('email')] })}`,
    )}
    ${TO_SIGN_IN}`,
  },
  'email-confirmation': {
    title: 'Confirm your e-mail address',
    body: html`${withToken(form({ action: 'confirmEmail', button: 'Confirm', fields: [] }))} ${INCOMPLETE} ${TO_SIGN_IN}`,
  },
  invitation: {
    title: 'Invitation',
    body: html`${withToken(
      html`<p data-before>You are invited to an organisation that uses Tollgate.</p>
        <h2 data-before>I am new here</h2>
        ${form({
          action: 'acceptAsNew',
          button: 'Accept',
          fields: [
            html`<label for="name">Your name</label>
              <input id="name" name="name" type="text" autocomplete="name" maxlength="100" required />`,
            newPassword('new-password', 'Password'),
          ],
        })}
        <h2 data-before>I have an account</h2>
        ${form({
          action: 'acceptAsKnown',
          button: 'Sign in and accept',
          fields: [email('email'), currentPassword('password')],
        })}
        ${SIGN_OUT}`,
    )}
    ${INCOMPLETE} ${TO_SIGN_IN}`,
  },
};
