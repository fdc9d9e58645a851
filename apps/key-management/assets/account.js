// The script of the pages on which people sign in and use the links of mails. Nothing is sent before a button is pressed:
// mail gateways open links, and some of them run scripts.

/**
 * Where to go after signing in: a path of this origin, with its query and fragment; null for anything else. What
 * browsers read as another origin (`//host`, `/\host`, a tab or line break in between) is refused before it is parsed.
 */
export function returnPath(text, origin) {
  if (text === null || text.length > 2000 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return null;
  if (!URL.canParse(text, origin)) return null;
  const url = new URL(text, origin);
  const path = url.pathname + url.search + url.hash;
  return url.origin === origin && !path.startsWith('//') ? path : null;
}

/** The token of a link: what stands behind `#token=`; null if the page was opened without one. */
export function tokenOf(fragment) {
  const token = new URLSearchParams(fragment.replace(/^#/, '')).get('token');
  return token === null || token === '' ? null : token;
}

/** What a refusal says, for people: fields at fault are named. */
export function refusalText(problem) {
  const faults = (problem.errors ?? []).map(({ path, message }) => `${path} ${message}`);
  return [problem.detail ?? problem.title ?? 'Something went wrong. Try again.', ...faults].join(' ');
}

async function send(method, path, body, csrfToken) {
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (csrfToken !== undefined) headers['x-csrf-token'] = csrfToken;
  let reply;
  try {
    reply = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error('The server could not be reached. Try again.');
  }
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(refusalText(answer));
  return answer;
}

/** Behind this fragment somebody comes back from an identity provider to the page to sign in on. */
const BACK_SIGNED_IN = '#signed-in';

/** What each form does with its fields; what it resolves with is shown. */
const ACTIONS = {
  async signIn({ email, password }, page) {
    return page.signedIn(await send('POST', '/v1/sessions', { email, password }));
  },
  async signInByProvider({ email }, page) {
    if (email === '') throw new Error('Write your e-mail address first: its domain says where to sign in.');
    const query = new URLSearchParams({ email, return_to: page.returnTo ?? `/sign-in${BACK_SIGNED_IN}` });
    page.go(`/v1/sessions/oidc/start?${query}`);
    return 'You are being sent to your organisation.';
  },
  async useSignInLink({ password }, page) {
    const body = password === '' ? { token: page.token } : { token: page.token, password };
    return page.signedIn(await send('POST', '/v1/sign-in-links/use', body));
  },
  async askForReset({ email }) {
    await send('POST', '/v1/password-resets', { email });
    return 'If there is an account of this address, a mail with a link is on its way to it. The link is good for an hour.';
  },
  async finishReset({ password }, page) {
    await send('POST', '/v1/password-resets/finish', { token: page.token, password });
    page.used();
    return 'Your password is set, and you are signed out everywhere. You can sign in now.';
  },
  async confirmEmail(_fields, page) {
    await send('POST', '/v1/email-confirmations/finish', { token: page.token });
    page.used();
    return 'Your e-mail address is confirmed.';
  },
  async acceptAsNew({ name, password }, page) {
    const { session } = await send('POST', '/v1/invitations/accept', { token: page.token, name, password });
    return `You are a member now. ${page.signedIn(session)}`;
  },
  async acceptAsKnown({ email, password }, page) {
    const session = await send('POST', '/v1/sessions', { email, password });
    await send('POST', '/v1/invitations/accept', { token: page.token }, session.csrf_token);
    return `You are a member now. ${page.signedIn(session)}`;
  },
};

function start(document, window) {
  const { location, history } = window;
  const query = new URLSearchParams(location.search);
  const page = {
    token: tokenOf(location.hash),
    returnTo: returnPath(query.get('return_to'), location.origin),
    go: (path) => location.assign(path),
    /** A link that was used stays in no history. */
    used: () => history.replaceState(null, '', location.pathname + location.search),
    signedIn: (session) => {
      page.used();
      // Some texts and links are for those alone who are not signed in yet.
      for (const part of document.querySelectorAll('[data-before]')) part.hidden = true;
      if (page.returnTo !== null) page.go(page.returnTo);
      offerSignOut(document, session);
      return `You are signed in as ${session.person.email}.`;
    },
  };
  for (const part of document.querySelectorAll('[data-with-token]')) {
    part.hidden = (part.dataset.withToken === 'yes') !== (page.token !== null);
  }
  for (const form of document.querySelectorAll('form[data-action]')) prepare(form, page);
  if (location.hash === BACK_SIGNED_IN) void greet(document, page);
  // A link that is pasted over the address of this very page differs in the fragment alone, and loads nothing by itself.
  window.addEventListener('hashchange', () => location.reload());
}

function prepare(form, page) {
  const [outcome, alert] = [form.querySelector('[role=status]'), form.querySelector('[role=alert]')];
  const buttons = [...form.querySelectorAll('button')];
  const enable = (enabled) => buttons.forEach((button) => (button.disabled = !enabled));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const action = event.submitter?.dataset.action ?? form.dataset.action;
    enable(false);
    [outcome.textContent, alert.textContent] = ['', ''];
    try {
      outcome.textContent = await ACTIONS[action](Object.fromEntries(new FormData(form)), page);
      done(form);
    } catch (error) {
      alert.textContent = error.message;
      enable(true);
    }
  });
  enable(true);
}

function done(form) {
  form.querySelector('.fields').hidden = true;
  for (const other of document.querySelectorAll('form[data-action]')) if (other !== form) other.hidden = true;
}

/** Shows who is signed in to somebody who comes back from an identity provider. */
async function greet(document, page) {
  const me = await send('GET', '/v1/me').catch(() => null);
  const form = document.querySelector('form[data-action]');
  if (form === null || !me?.person) return;
  form.querySelector('[role=status]').textContent = page.signedIn(me);
  done(form);
}

function offerSignOut(document, session) {
  const button = document.querySelector('[data-sign-out]');
  if (button === null) return;
  button.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    await send('DELETE', '/v1/sessions/current', undefined, session.csrf_token).catch(() => undefined);
    document.defaultView.location.assign('/sign-in');
  });
}

if (typeof document !== 'undefined') start(document, window);
