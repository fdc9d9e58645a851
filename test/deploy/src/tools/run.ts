import { runCommand, type CommandOptions } from '@tollgate/infra';

/** What a program printed. Rejects with it where the program fails. */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { ok, output } = await runCommand(program, args, options);
  if (!ok) throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed:\n${output.slice(-6_000)}`);
  return output;
}
