/**
 * A letter, number, punctuation mark or symbol, but none that is shown as nothing (default ignorable, as the Hangul
 * fillers) or as a blank although it is a symbol (the empty braille pattern, the null note head).
 */
const VISIBLE = /(?![\p{Default_Ignorable_Code_Point}\u2800\u{1d159}])[\p{L}\p{N}\p{P}\p{S}\p{Extended_Pictographic}]/u;

/**
 * Whether people see anything of a text. Spaces, combining marks, controls, formatting, tag, unassigned and private
 * characters show nothing by themselves, or not everywhere.
 */
export const hasVisibleCharacter = (text: string): boolean => VISIBLE.test(text);
