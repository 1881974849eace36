/** A command of a document's console block, and what the document shows below it. */
export interface Step {
  readonly command: string;
  readonly shown: string;
}

/** Every step of the `console` blocks of a document, in order. */
export function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = "", ...lines] = text.split("\n");
        return { command, shown: lines.join("\n").trimEnd() };
      }),
  );
}

/**
 * What of a step's output is not as shown. Of an answer with its header, the shown fields must be
 * there, in any order, and others may be; an ellipsis stands for anything.
 */
export function differencesOf(shown: string, output: string): string[] {
  if (!shown.startsWith("HTTP/")) return isLike(shown, output.trimEnd()) ? [] : [output];
  const expected = parseAnswer(shown);
  const actual = parseAnswer(output.replaceAll("\r\n", "\n"));
  const found = actual.statusLine === expected.statusLine ? [] : [actual.statusLine];
  for (const [name, value] of expected.fields) {
    const given = actual.fields.get(name);
    if (given === undefined || !isLike(value, given)) found.push(`${name}: ${given ?? "missing"}`);
  }
  return isLike(expected.body, actual.body) ? found : [...found, actual.body];
}

// --- internal ---

interface Answer {
  readonly statusLine: string;
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

function parseAnswer(text: string): Answer {
  const final = text.replace(/^(?:HTTP\/1\.1 1\d\d .*\n\n)+/, "");
  const [head = "", ...rest] = final.split("\n\n");
  const [statusLine = "", ...lines] = head.split("\n");
  const fields = lines.map((line): [string, string] => {
    const [name = "", ...value] = line.split(": ");
    return [name.toLowerCase(), value.join(": ")];
  });
  return { statusLine, fields: new Map(fields), body: rest.join("\n\n").trimEnd() };
}

function isLike(shown: string, actual: string): boolean {
  return new RegExp(`^${shown.split("…").map(RegExp.escape).join("[^\\n]*")}$`).test(actual);
}
