import { run } from '../program.js';
import { NotTried } from '../checks/check.js';
import type { Container, House } from './house.js';

/** Connects to each address that it is given, prints the ones that answer. */
const script = `
const { connect } = require('node:net');
const tried = process.argv.slice(1).map((address) => new Promise((resolve) => {
  const [host, port] = address.split(':');
  const socket = connect({ host, port: Number(port), timeout: 1500 });
  const end = (answers) => { socket.destroy(); resolve(answers ? address : null); };
  socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
}));
Promise.all(tried).then((found) => console.log(JSON.stringify(found.filter(Boolean))));
`;

/** Which of the addresses (`host:port`) a process in the container's network can connect to. */
export async function reachableFrom(
  { options }: House,
  { State }: Container,
  addresses: readonly string[],
): Promise<Set<string>> {
  // Only the network of the container: its own programs need not have any that connects.
  const enter = [`--target=${State.Pid}`, '--net', '--', process.execPath, '-e', script, ...addresses];
  const { code, stdout, stderr } = await run('nsenter', enter, { env: options.env });
  if (code !== 0)
    throw new NotTried(`networks of containers cannot be entered from here: ${stderr.trim().slice(0, 200)}`);
  return new Set(JSON.parse(stdout) as string[]);
}
