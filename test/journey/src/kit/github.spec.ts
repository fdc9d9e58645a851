import { verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGitHubStandIn, type GitHubStandIn, type ReportHeaders } from './github.js';

describe('the stand-in for GitHub', () => {
  let github: GitHubStandIn;
  beforeAll(async () => { github = await startGitHubStandIn(); });
  afterAll(() => github.stop());

  const verifies = async (body: string, headers: ReportHeaders): Promise<boolean> => {
    const reply = await fetch(github.publicKeysUrl);
    const { public_keys: keys } = (await reply.json()) as { public_keys: { key_identifier: string; key: string }[] };
    const key = keys.find((each) => each.key_identifier === headers['github-public-key-identifier']);
    return key !== undefined && verify('sha256', Buffer.from(body), { key: key.key, dsaEncoding: 'der' }, Buffer.from(headers['github-public-key-signature'], 'base64'));
  };

  it('signs so that its published key verifies the very bytes, and no others', async () => {
    const headers = github.sign('[{"token":"t"}]');
    expect(await verifies('[{"token":"t"}]', headers)).toBe(true);
    expect(await verifies('[{"token":"t"}]\n', headers)).toBe(false);
  });

  it('does not publish the key of the stranger', async () => {
    expect(await verifies('[]', github.signAsStranger('[]'))).toBe(false);
  });
});
