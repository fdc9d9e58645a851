import { describe, expect, it } from 'vitest';
import { greeting, type FirstSignIn, type Greeting } from './greeting.js';

const facts: Greeting = {
  url: 'http://127.0.0.1:8080',
  operationsUrl: 'http://127.0.0.1:9090',
  dataFolder: '/data',
  newAdminSecret: null,
  keptAdminSecret: null,
  adminSecretFromEnvironment: false,
  simulation: null,
  problem: null,
  mailFolder: null,
  firstSignIn: null,
  model: 'gpt-4o-mini',
  unused: [],
};

describe('the greeting', () => {
  it('says of servers that are named and not used that they are not', () => {
    expect(greeting({ ...facts, unused: ['REDIS_URL', 'KAFKA_BROKERS'] })).toContain(
      '\nREDIS_URL and KAFKA_BROKERS are set but not used: they belong to the distributed services.\n',
    );
    expect(greeting({ ...facts, unused: ['REDIS_URL'] })).toContain(
      '\nREDIS_URL is set but not used: it belongs to the distributed services.\n',
    );
    expect(greeting(facts)).not.toContain('not used');
  });

  it('shows an admin secret that was just made, once, and no other', () => {
    const onTerminal = greeting({ ...facts, newAdminSecret: { kind: 'text', text: 'tg-admin-x' } });
    expect(onTerminal).toMatch(/admin secret +tg-admin-x +\(shown this once[^]*export ADMIN=[^]*Bearer \$ADMIN"/);
    expect(onTerminal.split('tg-admin-x')).toHaveLength(2);
    const file = { kind: 'file', path: "/it's/admin-secret" } as const;
    expect(greeting({ ...facts, newAdminSecret: file })).toMatch(
      /admin secret +in the file \/it's\/admin-secret [^]*Bearer \$\(cat '\/it'\\''s\/admin-secret'\)"/,
    );
    const kept = greeting({ ...facts, keptAdminSecret: file });
    expect(kept).toMatch(/admin secret +in the file \/it's\/admin-secret +\(keep it elsewhere, and delete the file\)/);
    expect(kept).not.toContain('Bearer');
    expect(greeting({ ...facts, adminSecretFromEnvironment: true })).toContain('Bearer $TOLLGATE_ADMIN_SECRET');
    expect(greeting(facts)).not.toContain('Bearer');
  });

  it('shows how the owner signs in for the first time, until an owner has', () => {
    const link = 'http://127.0.0.1:8080/sign-in-link#token=x';
    const signsIn = (shown: FirstSignIn['link']) =>
      greeting({ ...facts, firstSignIn: { email: 'o@localhost', link: shown } });
    expect(signsIn({ kind: 'text', text: link })).toContain(
      `\no@localhost signs in by this link, once and within an hour:\n\n  ${link}\n`,
    );
    expect(signsIn({ kind: 'file', path: '/data/sign-in-link' })).toContain(
      '\no@localhost signs in by the link in the file /data/sign-in-link, once and within an hour.\n',
    );
    expect(greeting({ ...facts, firstSignIn: { email: 'o@localhost', link: null } })).toContain(
      '\no@localhost signs in on http://127.0.0.1:8080/sign-in with the password of INIT_OWNER_PASSWORD.\n',
    );
    expect(greeting(facts)).not.toContain('signs in');
  });

  it('says which providers are simulated, and what is not served', () => {
    const simulated = greeting({
      ...facts,
      simulation: { providers: ['openai', 'mine'], leakUrl: 'http://127.0.0.1:1/leak' },
    });
    expect(simulated).toContain('\nA simulator answers in the place of openai, mine: no provider is called');
    expect(simulated).toContain('a secret posted to http://127.0.0.1:1/leak is reported as leaked');
    expect(greeting({ ...facts, problem: 'provider b has no credential: B_KEY is not set' })).toContain(
      '\nSome or all models are not served: provider b has no credential: B_KEY is not set.\n',
    );
    expect(greeting(facts)).not.toMatch(/simulator|not served/);
  });
});
