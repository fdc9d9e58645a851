/** Characters that change the direction of the text around them, or that nobody sees. */
const INVISIBLE = /[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
const CONTROL = /[\p{Cc}\u2028\u2029]+/gu;
/** What mail programs make a link of: a scheme, a host, an address. */
const JOINT = /([.:/@\u2024\u3002\uff0e\uff61])(?=\S)/gu;

/**
 * A name that somebody chose, as a mail may show it: on one line, and so that no program makes a link of it. Otherwise
 * an organisation called `Log in at evil.example` would send its link in our name.
 */
export function shownInMail(name: string): string {
  return name
    .replace(INVISIBLE, '')
    .replace(CONTROL, ' ')
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(JOINT, '$1 ')
    .trim();
}
