/**
 * Matches a letter, number, punctuation mark or symbol, except characters that are shown as nothing (Unicode's "default
 * ignorable", such as the Hangul fillers) and symbols that are blank (the empty braille pattern, the null note head).
 */
const VISIBLE = /(?![\p{Default_Ignorable_Code_Point}\u2800\u{1d159}])[\p{L}\p{N}\p{P}\p{S}\p{Extended_Pictographic}]/u;

/**
 * Says whether a text has at least one visible character. Spaces, combining marks, and control, format, tag, unassigned
 * and private-use characters do not count: alone they show nothing, or nothing on some systems.
 */
export const hasVisibleCharacter = (text: string): boolean => VISIBLE.test(text);
