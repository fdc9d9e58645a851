import { isIP } from 'node:net';
import { normaliseAddress } from '@tollgate/api-key';

/** How much one address may do at once, and then in each second. */
export interface AddressAllowanceOptions {
  /** What an address may do at once. */
  readonly burst: number;
  /** What it may do for each second after that. */
  readonly perSecond: number;
  /** Addresses that are told apart; beyond it the one that did least lately is forgotten. Default 10,000. */
  readonly addressesMax?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Bucket {
  left: number;
  filledAtMs: number;
}

const ADDRESSES_MAX = 10_000;

/**
 * How much each client address may still do: a token bucket for each, in bounded memory. An IPv6 address counts as its
 * /64, since a client gets at least that much to choose from.
 */
export class AddressAllowance {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly options: AddressAllowanceOptions) {}

  /** Whether this address may do one more. Takes nothing. */
  allows(address: string): boolean {
    const bucket = this.#buckets.get(blockOf(address));
    return bucket === undefined || this.#leftIn(bucket) >= 1;
  }

  /** How much is left to this address. Takes nothing. */
  left(address: string): number {
    const bucket = this.#buckets.get(blockOf(address));
    return bucket === undefined ? this.options.burst : this.#leftIn(bucket);
  }

  /** Takes one; false, and nothing is taken, where none is left. */
  take(address: string): boolean {
    const block = blockOf(address);
    const now = this.#now();
    const known = this.#buckets.get(block);
    const bucket = known ?? { left: this.options.burst, filledAtMs: now };
    bucket.left = this.#leftIn(bucket);
    bucket.filledAtMs = now;
    // At the end again: the first entry is the one that was used longest ago.
    if (known !== undefined) this.#buckets.delete(block);
    else this.#makeRoom();
    this.#buckets.set(block, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  /** Gives back one that was taken. */
  giveBack(address: string): void {
    const bucket = this.#buckets.get(blockOf(address));
    if (bucket !== undefined) bucket.left = Math.min(this.options.burst, bucket.left + 1);
  }

  /** Whole seconds until one is left again, at least 1: for `Retry-After`. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil(1 / this.options.perSecond));
  }

  #leftIn({ left, filledAtMs }: Bucket): number {
    const { burst, perSecond } = this.options;
    return Math.min(burst, left + ((this.#now() - filledAtMs) / 1_000) * perSecond);
  }

  #makeRoom(): void {
    const { addressesMax = ADDRESSES_MAX } = this.options;
    if (this.#buckets.size < addressesMax) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }

  #now(): number {
    return this.options.now?.() ?? performance.now();
  }
}

const GROUPS_OF_A_NETWORK = 4;

/** The addresses that count as one client: an IPv4 address alone, an IPv6 address with its /64. */
export function blockOf(address: string): string {
  const normal = normaliseAddress(address) ?? address;
  if (isIP(normal) !== 6) return normal;
  const [head = '', tail] = normal.split('::');
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const missing = 8 - groups.length - groupsOf(tail).length;
    groups.push(...Array.from({ length: missing }, () => '0'), ...groupsOf(tail));
  }
  return `${groups
    .slice(0, GROUPS_OF_A_NETWORK)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** Groups of 16 bits; an IPv4 address at the end stands for two. */
function groupsOf(part: string): string[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
