const quotedCharactersMax = 60;

/** `text` on one line, harmless to a terminal: control and invisible characters are escaped. */
export function toPrintable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    if (character === "\t") return "\\t";
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** JSON as it is, harmless to a terminal: what it leaves as it came is escaped (RFC 8259, 7). */
export function toPrintableJson(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** `text` in double quotes, printable, shortened when it is long: what a message shows of input. */
export function toQuoted(text: string): string {
  const shown = text.length > quotedCharactersMax ? `${text.slice(0, quotedCharactersMax)}…` : text;
  return `"${toPrintable(shown.replace(/["\\]/g, "\\$&"))}"`;
}
