import { describe, expect, it } from 'vitest';
import { invitationMail } from './invitation-mail.js';

const LINK = 'https://tollgate.example/invitation#token=t';

describe('the mail of an invitation', () => {
  it('has one link, which is ours, whatever organisations and people are called', () => {
    for (const name of [
      'Log in at https://evil.example/x',
      'www.evil.example',
      'a@evil.example',
      'x\r\nBcc: b@evil.example',
    ]) {
      const { subject, text } = invitationMail({ organization: name, invitedBy: name, link: LINK });
      expect(text.match(/\S+:\/\/\S+/g)).toEqual([LINK]);
      expect(text).not.toContain('evil.example');
      expect(subject).not.toMatch(/[\r\n]|evil\.example/);
      expect(text.split('\n')).toHaveLength(8);
    }
  });
  it('says who invites where that is a person', () => {
    expect(invitationMail({ organization: 'Acme', invitedBy: 'Ann', link: LINK }).text).toContain('“Ann” invites you');
    expect(invitationMail({ organization: 'Acme', invitedBy: null, link: LINK }).text).toContain('You are invited');
  });
});
