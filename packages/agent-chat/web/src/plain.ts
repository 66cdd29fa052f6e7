// Words of others as they are: without the characters that have them shown in another order, as other lines, or not at all.

const POWER = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** What is shown of a text; what is answered or sent is the text itself. */
export function plain(text: string): string {
  return text.replace(POWER, "");
}
