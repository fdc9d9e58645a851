import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emlFolderMailSender, smtpMailSender, type ClosableMailSender, type Mail } from '@tollgate/mail';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** One implementation of the port. The test can read what it delivered, and can make deliveries fail. */
interface Delivery {
  readonly sender: ClosableMailSender;
  /** All delivered messages, as RFC 5322 text. */
  messages(): Promise<string[]>;
  break(): Promise<void>;
  close(): Promise<void>;
}

const FROM = 'Tollgate <tollgate@example.com>';
const mail: Mail = {
  id: 'leak-42',
  to: ['owner@example.org', 'second@example.org'],
  subject: 'Schlüssel gesperrt',
  text: 'Línea uno\n.\nFrom here on\n',
};

async function throughEmlFolder(): Promise<Delivery> {
  const parent = await mkdtemp(join(tmpdir(), 'tollgate-mail-'));
  const folder = join(parent, 'mail');
  const sender = emlFolderMailSender({ folder, from: FROM });
  return {
    sender,
    messages: async () =>
      Promise.all((await readdir(folder)).sort().map((name) => readFile(join(folder, name), 'utf8'))),
    break: () => writeFile(folder, 'a file where the folder should be'),
    async close() {
      await sender.close();
      await rm(parent, { recursive: true });
    },
  };
}

async function throughSmtp(): Promise<Delivery> {
  const received: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push(Buffer.concat(chunks).toString('utf8'));
        done();
      });
    },
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.server.address() as AddressInfo;
  const sender = smtpMailSender({ url: `smtp://127.0.0.1:${port}`, from: FROM, timeoutMs: 30_000 });
  const stop = () => new Promise<void>((stopped) => server.close(stopped));
  return {
    sender,
    messages: async () => received,
    break: stop,
    async close() {
      await sender.close();
      await stop();
    },
  };
}

/** Parses a message: headers by lower-case name, unfolded and with encoded words decoded, and the decoded text. */
function read(message: string): { headers: Map<string, string>; text: string } {
  const [head = '', ...body] = message.split('\r\n\r\n');
  const headers = new Map(
    head
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), decodeWords(line.slice(colon + 1).trim())];
      }),
  );
  const raw = body.join('\r\n\r\n');
  const encoding = headers.get('content-transfer-encoding');
  const text =
    encoding === 'base64'
      ? Buffer.from(raw, 'base64').toString()
      : encoding === 'quoted-printable'
        ? unquote(raw.replace(/=\r\n/g, ''))
        : raw;
  return { headers, text: text.replaceAll('\r\n', '\n') };
}
const unquote = (text: string) =>
  Buffer.from(
    text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString();
const decodeWords = (text: string) =>
  text.replace(/=\?UTF-8\?(Q|B)\?([^?]*)\?=\s*/gi, (_, kind: string, word: string) =>
    kind.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString() : unquote(word.replaceAll('_', ' ')),
  );

describe.each([
  ['the folder of .eml files', throughEmlFolder],
  ['SMTP', throughSmtp],
])('mail through %s', (_name, open) => {
  let delivery: Delivery;
  beforeEach(async () => {
    delivery = await open();
  });
  afterEach(() => delivery.close());

  it('arrives with its sender, recipients, subject and text', async () => {
    await delivery.sender.send(mail);
    const [message, ...others] = await delivery.messages();
    expect(others).toEqual([]);
    const { headers, text } = read(message!);
    expect(headers.get('from')).toBe('Tollgate <tollgate@example.com>');
    expect(headers.get('to')).toBe('owner@example.org, second@example.org');
    expect(headers.get('subject')).toBe('Schlüssel gesperrt');
    expect(headers.get('date')).toBeDefined();
    expect(text.trimEnd()).toBe(mail.text.trimEnd());
  });

  it('has the same Message-ID each time it is sent', async () => {
    await delivery.sender.send(mail);
    await delivery.sender.send(mail);
    const ids = (await delivery.messages()).map((message) => read(message).headers.get('message-id'));
    expect(new Set(ids)).toEqual(new Set(['<leak-42@example.com>']));
  });

  it('cannot be given a header by its subject', async () => {
    await delivery.sender.send({ ...mail, subject: 'one\r\nBcc: stranger@example.net' });
    const [message] = await delivery.messages();
    expect(read(message!).headers.has('bcc')).toBe(false);
  });

  it('is refused with an id that is no file name, and without a recipient', async () => {
    await expect(delivery.sender.send({ ...mail, id: '../leak' })).rejects.toThrow(RangeError);
    await expect(delivery.sender.send({ ...mail, to: [] })).rejects.toThrow(RangeError);
  });

  it('rejects when it cannot be handed over', async () => {
    await delivery.break();
    await expect(delivery.sender.send(mail)).rejects.toThrow();
  });
});

describe('mail through SMTP', () => {
  it('gives up on a server that says nothing', async () => {
    const silent: Server = createServer();
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const sender = smtpMailSender({
      url: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      from: FROM,
      timeoutMs: 200,
    });
    await expect(sender.send(mail)).rejects.toThrow(/greeting|timeout/i);
    await sender.close();
    silent.close();
  });
});
