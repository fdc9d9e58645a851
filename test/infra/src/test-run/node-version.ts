/** The oldest Node.js that undici 8 runs on. */
const oldest = [22, 19] as const;

/** What to do about this version of Node.js, or undefined when it is new enough. */
export function nodeIsTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined;
  return (
    `Node.js ${version} is too old for the tests, which need ${oldest.join('.')} or newer.\n` +
    'Run them as `npm test` after `npm ci`: that brings a Node.js of its own and uses it. ' +
    'If it says this even so, the install left out optional dependencies (npm ci --include=optional), or there is no ready-made Node.js for this platform: install a newer one.'
  );
}
