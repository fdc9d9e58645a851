/** The commands of a page's code blocks that begin with `docker run`, lines that go on with a backslash joined. */
export function dockerRunLines(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(?:sh|bash)\n([\s\S]*?)^```/gm)].map(([, text]) => text!);
  return blocks
    .flatMap((text) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => /^(?:[A-Z_]+=\S+ )*docker run /.test(line));
}
