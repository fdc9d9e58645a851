import { CredentialMask, type PartsPattern } from './credential-mask.js';

/** What finds and hides the secrets that a provider is sent, in what it answers. */
export type SecretsMask = Pick<CredentialMask, 'isIn' | 'isToldBy' | 'mask' | 'maskBody' | 'parts'>;

/** The mask of all secrets of a provider: its credential first, then its secret headers. Null if there is none. */
export function maskOf(secrets: readonly string[]): SecretsMask | null {
  const masks = secrets.flatMap((secret) => CredentialMask.of(secret) ?? []);
  const [first] = masks;
  if (first === undefined) return null;
  return masks.length === 1 ? first : new SeveralMasks(masks, first.parts);
}

class SeveralMasks implements SecretsMask {
  constructor(
    private readonly masks: readonly CredentialMask[],
    /** Finds the first of them where it arrives in pieces. */
    readonly parts: PartsPattern,
  ) {}

  isIn(body: Buffer, text?: string): boolean {
    return this.masks.some((each) => each.isIn(body, text));
  }

  isToldBy(error: Buffer): boolean {
    return this.masks.some((each) => each.isToldBy(error));
  }

  mask(text: string): string {
    return this.masks.reduce((masked, each) => each.mask(masked), text);
  }

  maskBody(body: Buffer): Buffer {
    return this.masks.reduce((masked, each) => each.maskBody(masked), body);
  }
}
