import { describe, expect, it } from 'vitest';
import { readable } from './mailbox.js';

describe('reading a mail', () => {
  it('joins the lines that quoted-printable broke, and decodes its bytes', () => {
    const mail = 'Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nkey sk-abc=E2=80=A6wx=\r\nyz';
    expect(readable(mail)).toContain('key sk-abc…wxyz');
  });

  it('decodes base64', () => {
    const mail = `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from('sk-abc…wxyz').toString('base64')}`;
    expect(readable(mail)).toContain('sk-abc…wxyz');
  });

  it('leaves plain text alone', () => {
    expect(readable('Subject: x\r\n\r\na=20b')).toBe('Subject: x\r\n\r\na=20b');
  });
});
