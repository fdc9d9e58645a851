import crypto, { randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { StartFault } from '@tollgate/app-process';
import { Problem } from '@tollgate/http';
import { z } from 'zod';
import { HashPermits } from './hash-permits.js';

/** The shortest password that can be set, in UTF-16 units; a shorter one is refused before anything is computed. */
export const PASSWORD_LENGTH_MIN = 12;
/** The longest password that is read at all. A hash of more would cost time and prove nothing. */
export const PASSWORD_LENGTH_MAX = 256;

/** The field of a request that sets a password. */
export const newPasswordField = z
  .string()
  .min(PASSWORD_LENGTH_MIN)
  .max(PASSWORD_LENGTH_MAX)
  .describe('It counts in Unicode form NFKC: however it was typed, the same text is the same password.');

/** The field of a request that shows a password. One that is too short to be right is wrong, not malformed. */
export const givenPasswordField = z.string().min(1).max(PASSWORD_LENGTH_MAX);

/** What a hash costs (RFC 9106): KiB of memory, passes over it, lanes. */
interface HashCost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** The least that OWASP recommends for argon2id: 19 MiB, two passes. One hash takes about 30 ms of one core. */
const COST: HashCost = { memory: 19_456, passes: 2, parallelism: 1 };
const TAG_BYTES = 32;
const NONCE_BYTES = 16;
/** Hashes at once in this process: they take two of the four threads that Node has for such work. */
const HASHES_AT_ONCE = 2;
/** Hashes that wait for a turn. With 30 ms each, the last one waits for about half a second. */
const HASHES_WAITING_MAX = 32;
/** After this long without a turn the caller is told to come back. */
const WAIT_MS_MAX = 2_000;

/** The outcome of a check. `outdated`: the hash was made at another cost than new ones are; store a new one. */
export type PasswordCheck = { readonly kind: 'right'; readonly outdated: boolean } | { readonly kind: 'wrong' };

/**
 * Hashes passwords with argon2id and checks them. At most two hashes are computed at once; more wait briefly, and then
 * the caller gets 503 `server_busy`.
 */
@Injectable()
export class Passwords implements OnModuleInit {
  private readonly permits = new HashPermits({
    atOnce: HASHES_AT_ONCE,
    waitingMax: HASHES_WAITING_MAX,
    waitMsMax: WAIT_MS_MAX,
  });

  /** @throws {StartFault} on a Node.js without argon2 */
  onModuleInit(): void {
    // Types say that it is there; Node.js has it since 24.7, if its OpenSSL is 3.2 or later.
    if (typeof (crypto.argon2 as unknown) !== 'function')
      throw new StartFault('Node.js', `${process.version} cannot hash passwords; use 24.7 or later`);
  }

  /**
   * A new hash of the password, to be stored: a PHC string with its own salt.
   * @throws {Problem} `server_busy` if no turn came in time
   */
  async hash(password: string): Promise<string> {
    const nonce = randomBytes(NONCE_BYTES);
    return phcString(COST, nonce, await this.inTurn(() => tagOf(password, nonce, COST, TAG_BYTES)));
  }

  /**
   * Whether the password is the one of the hash. Without a hash (an unknown account, a person without a password) it is
   * wrong, after the same work.
   * @throws {Problem} `server_busy` if no turn came in time
   */
  async check(password: string, stored: string | null): Promise<PasswordCheck> {
    return this.inTurn(() => compare(password, stored));
  }

  /**
   * As `check`, of a hash that is looked up when the turn has come. So a flood of sign-ins asks the database no more
   * often than hashes are computed, and requests of other kinds do not wait behind it.
   * @throws {Problem} `server_busy` if no turn came in time: then nothing was looked up
   */
  async checkFound<T>(
    password: string,
    lookUp: () => Promise<T>,
    hashOf: (found: T) => string | null,
  ): Promise<{ readonly found: T; readonly check: PasswordCheck }> {
    return this.inTurn(async () => {
      const found = await lookUp();
      return { found, check: await compare(password, hashOf(found)) };
    });
  }

  /** The permit belongs to the hash: a caller who leaves does not end it, and does not free its place early. */
  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const outcome = await this.permits.run(work);
    if (outcome.kind === 'done') return outcome.result;
    throw new Problem('server_busy', {
      detail: 'Too many people are signing in at this moment. Try again.',
      headers: { 'retry-after': '2' },
    });
  }
}

async function compare(password: string, stored: string | null): Promise<PasswordCheck> {
  const hash = stored === null ? null : readPhcString(stored);
  if (hash === null) {
    await tagOf(password, randomBytes(NONCE_BYTES), COST, TAG_BYTES);
    return { kind: 'wrong' };
  }
  const tag = await tagOf(password, hash.nonce, hash.cost, hash.tag.length);
  if (!timingSafeEqual(tag, hash.tag)) return { kind: 'wrong' };
  return { kind: 'right', outdated: !sameCost(hash.cost, COST) || hash.tag.length !== TAG_BYTES };
}

const tagOf = (password: string, nonce: Buffer, cost: HashCost, tagLength: number): Promise<Buffer> =>
  argon2id({ ...cost, nonce, tagLength, message: password.normalize('NFKC') });

function argon2id(parameters: Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.argon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)));
  });
}

const sameCost = (one: HashCost, other: HashCost): boolean =>
  one.memory === other.memory && one.passes === other.passes && one.parallelism === other.parallelism;

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash`: the form that other software reads, too. */
function phcString({ memory, passes, parallelism }: HashCost, nonce: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(nonce)}$${base64(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{2,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

/** Null for a text that is no such hash: its password can only be set anew. */
function readPhcString(text: string): { cost: HashCost; nonce: Buffer; tag: Buffer } | null {
  const [, memory, passes, parallelism, nonce, tag] = PHC.exec(text) ?? [];
  if (nonce === undefined || tag === undefined) return null;
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    nonce: Buffer.from(nonce, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
