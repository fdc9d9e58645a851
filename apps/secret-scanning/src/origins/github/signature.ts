import { createPublicKey, verify, type KeyObject } from 'node:crypto';

/** A published PEM as a key that signatures are checked with; null for anything but ECDSA on P-256. */
export function readPublicKey(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null;
  } catch {
    return null;
  }
}

/**
 * Whether the signature (base64 of the DER form) is the key's over exactly these bytes, with SHA-256. It identifies
 * nothing: `(r, n − s)` holds too, and a report without a nonce can be sent again.
 */
export function signatureHolds(body: Uint8Array, signature: string, key: KeyObject): boolean {
  try {
    return verify('sha256', body, { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}
