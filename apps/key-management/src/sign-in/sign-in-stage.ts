import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { Passwords } from '../people/passwords.js';
import { PersonStore } from '../people/person-store.js';
import type { Person } from '../people/person.js';
import type { KeyManagementSettings } from '../ports.js';

/** For specs: the origin that the stage's `ADMIN_API_SETTINGS` names. */
export const ORIGIN = 'http://127.0.0.1:8080';
export const PASSWORD = 'correct horse battery staple';
const COOKIE = 'tollgate_session';

/** A reply as the tests of sign-in look at it. */
export interface Answer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads any field, and compares it
  readonly body: any;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  /** The `Set-Cookie` of the session; undefined if there is none. */
  readonly setCookie: string | undefined;
  /** Its value. */
  readonly token: string | undefined;
}

/** Of one request. */
interface Sent {
  readonly body?: unknown;
  /** Sends the cookie of this session, with its CSRF token. */
  readonly as?: SignedInClient;
  /** Everybody has an address of their own, so that failures of one test do not limit another. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a browser has of a session. */
interface SignedInClient {
  readonly token: string;
  readonly csrf: string;
}

/** A key-management with people, who sign in by `app.inject`. */
export interface SignInStage {
  readonly stage: KeyManagementStage;
  send(method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', url: string, sent?: Sent): Promise<Answer>;
  /** Somebody with `PASSWORD`, a member of these organisations. */
  person(given?: { password?: string | null; organizations?: readonly string[] }): Promise<Person>;
  signIn(email: string, password?: string, sent?: Sent): Promise<SignedInClient>;
  sql(text: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>;
  /** The token of the link in the newest mail to the address whose subject has this word. Waits for the mail. */
  mailedToken(email: string, subject: string): Promise<string>;
  mailsTo(email: string): readonly { readonly subject: string; readonly text: string }[];
  /** Resolves when nothing waits in the outbox any more. */
  relayed(): Promise<void>;
  stop(): Promise<void>;
}

let addresses = 0;
/** An address that no other request had. */
export const newAddress = (): string => `198.51.${(addresses += 1) >> 8}.${addresses & 255}`;

export async function startSignInStage(settings: Partial<KeyManagementSettings> = {}): Promise<SignInStage> {
  const stage = await startKeyManagement(
    {
      snapshots: new MemoryKeySnapshots(),
      bus: { publish: () => Promise.resolve() },
      usageBilling: { spendingByKey: () => Promise.resolve([]) },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    settings,
  );
  const sql: SignInStage['sql'] = (text, parameters) => stage.database.dataSource.query(text, parameters);

  const send: SignInStage['send'] = async (method, url, { body, as, from = newAddress(), headers = {} } = {}) => {
    const reply = await stage.app.inject({
      method,
      url,
      remoteAddress: from,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(as && { cookie: `${COOKIE}=${as.token}`, 'x-csrf-token': as.csrf, origin: ORIGIN }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const setCookie = [reply.headers['set-cookie'] ?? []].flat()[0];
    const json = String(reply.headers['content-type'] ?? '').includes('json');
    return {
      status: reply.statusCode,
      body: json && reply.body !== '' ? reply.json() : null,
      text: reply.body,
      headers: reply.headers,
      setCookie,
      token: setCookie === undefined ? undefined : /=([^;]*);/.exec(setCookie)?.[1],
    };
  };

  let hash: string | null = null;
  const mailsTo: SignInStage['mailsTo'] = (email) => stage.mails.filter(({ to }) => to.includes(email));
  const relayed = async (): Promise<void> => {
    for (;;) {
      const [row] = await sql(
        `SELECT count(*)::int AS n FROM keys.outbox WHERE effect IN ('send-mail', 'reset-password')`,
      );
      if (row?.['n'] === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  return {
    stage,
    send,
    sql,
    mailsTo,
    relayed,
    person: async ({ password = PASSWORD, organizations = [] } = {}) => {
      const own =
        password === null
          ? null
          : password === PASSWORD
            ? (hash ??= await hashOf(stage, PASSWORD))
            : await hashOf(stage, password);
      const email = `${randomUUID()}@example.org`;
      const { person } = await stage.app.get(ServiceDatabase).outsideOrganizations((manager) =>
        stage.app.get(PersonStore).create(manager, {
          email,
          name: 'Ann',
          passwordHash: own,
          emailConfirmedAt: null,
          createdAt: new Date(),
        }),
      );
      for (const id of organizations) {
        await sql(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme') ON CONFLICT DO NOTHING`, [id]);
        await sql(`INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'admin')`, [
          id,
          person.id,
          email,
        ]);
      }
      return person;
    },
    signIn: async (email, password = PASSWORD, sent = {}) => {
      const { status, body, token } = await send('POST', '/v1/sessions', { ...sent, body: { email, password } });
      if (status !== 201 || token === undefined) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
      return { token, csrf: body.csrf_token as string };
    },
    mailedToken: async (email, subject) => {
      await relayed();
      const mail = mailsTo(email).findLast((each) => each.subject.includes(subject));
      const token = /#token=(\S+)/.exec(mail?.text ?? '')?.[1];
      if (token === undefined) throw new Error(`there is no mail to ${email} with a link`);
      return token;
    },
    stop: () => stage.stop(),
  };
}

const hashOf = (stage: KeyManagementStage, password: string): Promise<string> =>
  stage.app.get(Passwords).hash(password);
