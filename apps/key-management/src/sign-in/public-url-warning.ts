const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * What is to be said of the public origin at a start; null if all is well. On plain http somebody on the way reads the
 * cookies of sessions, which cannot be marked `Secure` there. On loopback there is nobody on the way.
 */
export function publicUrlWarning(publicUrl: string): string | null {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:' || LOOPBACK.test(hostname)) return null;
  return 'TOLLGATE_PUBLIC_URL is plain http: whoever is on the way to it can take over the sessions of people';
}
