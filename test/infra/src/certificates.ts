import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './commands.js';
import { tempFolder } from './folders.js';

/** A server's certificate and its key, as files in PEM form. */
export interface ServerCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A certificate authority of a test's own, which nobody else trusts. */
export interface CertificateAuthority {
  /** Its certificate in PEM form, as clients are given it. */
  readonly file: string;
  /** A certificate for a server with these names, such as `localhost`, or addresses. */
  issue(names: { readonly dns?: readonly string[]; readonly ip?: readonly string[] }): Promise<ServerCertificate>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority with the `openssl` of the machine. All that it makes is valid for two days. */
export async function newAuthority(name: string): Promise<CertificateAuthority> {
  const folder = tempFolder('tollgate-authority');
  const inFolder = (file: string): string => join(folder, file);
  const config = inFolder('openssl.cnf');
  writeFileSync(
    config,
    '[req]\ndistinguished_name=subject\nx509_extensions=authority\n[subject]\n' +
      '[authority]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n',
  );
  const [file, key] = [inFolder('ca.pem'), inFolder('ca.key')];
  const subject = (commonName: string) => ['-config', config, '-subj', `/CN=${commonName}`];
  await openssl(['req', '-x509', ...NEW_KEY, '-days', '2', ...subject(name), '-keyout', key, '-out', file]);
  let issued = 0;
  return {
    file,
    issue: async ({ dns = [], ip = [] }) => {
      const prefix = `server-${++issued}`;
      const [keyFile, request] = [inFolder(`${prefix}.key`), inFolder(`${prefix}.csr`)];
      const [certificateFile, extensions] = [inFolder(`${prefix}.pem`), inFolder(`${prefix}.cnf`)];
      const names = [...dns.map((each) => `DNS:${each}`), ...ip.map((each) => `IP:${each}`)];
      writeFileSync(extensions, `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth\n`);
      await openssl(['req', '-new', ...NEW_KEY, ...subject(prefix), '-keyout', keyFile, '-out', request]);
      const by = ['-CA', file, '-CAkey', key, '-CAcreateserial', '-days', '2', '-extfile', extensions];
      await openssl(['x509', '-req', '-in', request, ...by, '-out', certificateFile]);
      return { certificateFile, keyFile };
    },
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { ok, output } = await runCommand('openssl', args);
  if (!ok) throw new Error(`openssl ${args[0]} failed:\n${output}`);
}
