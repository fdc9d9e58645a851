import { createPublicKey, verify, type KeyObject } from 'node:crypto';

/** Parses a published PEM into a key for checking signatures; null for anything but ECDSA on P-256. */
export function readPublicKey(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null;
  } catch {
    return null;
  }
}

/**
 * Says whether the signature (base64 of the DER form, ECDSA with SHA-256) is valid for exactly these bytes. It does not
 * identify a report: `(r, n − s)` is valid too, and a report has no nonce, so it can be sent again.
 */
export function signatureHolds(body: Uint8Array, signature: string, key: KeyObject): boolean {
  try {
    return verify('sha256', body, { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}
