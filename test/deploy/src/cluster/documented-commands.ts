import { readFileSync } from 'node:fs';
import { repository } from '../repository.js';

/** The blocks of commands of a page, in order, by the heading that they stand under. */
export function commandBlocks(page: string): { heading: string; commands: string }[] {
  const text = readFileSync(`${repository}${page}`, 'utf8');
  return [...text.matchAll(/^(?<indent> *)```sh\n(?<commands>[\s\S]*?)^\k<indent>```/gm)].map(({ groups, index }) => {
    const headings = text.slice(0, index).match(/^## .*$/gm) ?? [];
    const lines = groups!['commands']!.split('\n').map((line) => line.slice(groups!['indent']!.length));
    return { heading: headings.at(-1)!.slice('## '.length), commands: lines.join('\n') };
  });
}

/**
 * The same commands with what a reader fills in, in another namespace, and without those that wait for pods: no node is
 * there to run them.
 */
export function typed(commands: string, namespace: string): string {
  const joined = commands.replaceAll('\\\n', ' ');
  const lines = joined.split('\n').filter((line) => !/ (?:rollout status|port-forward|wait) /.test(line));
  return lines
    .join('\n')
    .replaceAll('<registry>', 'registry.example.com')
    .replaceAll('<host>', 'stores.example.com')
    .replaceAll(/namespace tollgate\b/g, `namespace ${namespace}`);
}
