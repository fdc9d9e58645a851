import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** For specs: a name server on loopback that knows TXT records. */
export interface TestDns {
  /** Its address, for `dnsServers`. */
  readonly server: string;
  /** The TXT records by name, each a list of strings. A name that is not there does not exist. */
  readonly records: Map<string, readonly (readonly string[])[]>;
  /** What it does with questions. */
  mode: 'answers' | 'fails' | 'is silent';
  stop(): Promise<void>;
}

const HEADER_BYTES = 12;
const TXT = 16;
const [NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME] = [0, 2, 3];

/** Starts a name server on a free port (RFC 1035, as far as one question by UDP goes). */
export async function startTestDns(): Promise<TestDns> {
  const socket = createSocket('udp4');
  const dns: TestDns = {
    get server() {
      return `127.0.0.1:${(socket.address() as AddressInfo).port}`;
    },
    records: new Map(),
    mode: 'answers',
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on('message', (question, { port, address }) => {
    if (dns.mode === 'is silent') return;
    const { name, end } = nameIn(question);
    const records = dns.records.get(name.toLowerCase());
    const code = dns.mode === 'fails' ? SERVER_FAILURE : records === undefined ? NO_SUCH_NAME : NO_ERROR;
    const answers = code === NO_ERROR ? (records ?? []).map(answerOf) : [];
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16BE(question.readUInt16BE(0), 0);
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    socket.send(Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...answers]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return dns;
}

/** The name that is asked for, and where the question ends. */
function nameIn(question: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.'), end: at + 5 };
}

/** A record of the name in the question. */
function answerOf(strings: readonly string[]): Buffer {
  const data = Buffer.concat(strings.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])));
  const head = Buffer.alloc(12);
  // A pointer to the name, the type, the class, a time to live of 0 seconds, and the length.
  [0xc00c, TXT, 1, 0, 0, data.length].forEach((value, index) => head.writeUInt16BE(value, index * 2));
  return Buffer.concat([head, data]);
}
