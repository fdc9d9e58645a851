import { boundedText } from './bounded-file.js';

/**
 * What a file with one secret holds, or what is wrong with it, in words that follow "names" or "is". `isAbsent`: there
 * is no secret for this process, since the file is missing, empty, or not readable for its user.
 */
type SecretFileText = { readonly secret: string } | SecretFileFault;
interface SecretFileFault {
  readonly fault: string;
  readonly isAbsent: boolean;
}

/** Reads a file with one secret. */
export type SecretFile = (path: string) => SecretFileText;

/** Far more than any secret has; a device or a wrong file must not fill the memory. */
const BYTES_MAX = 65_536;

/**
 * Reads a file with one secret, as container platforms mount them. One line end after it does not belong to it:
 * editors add one. Whatever else could make the secret another one than its author believes is a fault. Faults say
 * neither the path nor a part of the content: a secret may stand in the place of the path by mistake.
 */
export const secretFile: SecretFile = (path) => {
  const file = boundedText(path, BYTES_MAX);
  if ('code' in file) return faultOf(file.code);
  const { text } = file;
  if (text.startsWith('\uFEFF')) return unusable('a file that begins with a byte order mark: save it without one');
  const secret = text.replace(/\r?\n$/, '');
  if (/^[ \t]*$/.test(secret)) return absent('an empty file');
  if (/[\r\n]/.test(secret)) return unusable('a file with more than one line');
  if (secret.includes('\0')) return unusable('a file with a NUL character');
  return { secret };
};

const absent = (fault: string): SecretFileFault => ({ fault, isAbsent: true });
const unusable = (fault: string): SecretFileFault => ({ fault, isAbsent: false });

function faultOf(code: string): SecretFileFault {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return absent('a file that does not exist');
    case 'EACCES':
    case 'EPERM':
      return absent('a file that this user may not read');
    case 'EISDIR':
      return unusable('a folder');
    case 'too_large':
      return unusable(`a file of more than ${BYTES_MAX} bytes`);
    case 'not_utf8':
      return unusable('a file that is not text in UTF-8');
    case 'nothing_written':
      return unusable('a pipe into which nobody writes');
    default:
      return unusable(`a file that cannot be read (${code})`);
  }
}
