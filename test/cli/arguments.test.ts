import { describe, expect, it } from "bun:test";
import { parseArgs } from "citty";
import * as fc from "fast-check";
import { parseArguments, toWords } from "../../src/cli/arguments.ts";
import { serveArgs, toValues } from "../../src/cli/serve.ts";
import { flags } from "../../src/ops/flags.ts";

function refusal(...words: string[]): string {
  try {
    parseArguments(words);
  } catch (error) {
    const { name, message } = error as Error;
    expect(name).toBe("UsageError");
    expect(message).not.toContain("geheim");
    return message;
  }
  throw new Error("was not refused");
}

describe("commands", () => {
  it("serve runs when none is named", () => {
    expect(parseArguments([])).toEqual({ kind: "run", command: "serve", values: {} });
    expect(parseArguments(["--port", "0"])).toMatchObject({ command: "serve" });
  });

  it("are named first", () => {
    expect(parseArguments(["serve", "--port", "0"])).toEqual({
      kind: "run",
      command: "serve",
      values: { port: "0" },
    });
    expect(parseArguments(["openapi"])).toEqual({ kind: "run", command: "openapi", values: {} });
    expect(refusal("--port", "0", "serve")).toBe("serve is a command; write it first");
  });

  it("that are unknown are answered with the nearest", () => {
    expect(refusal("sevre")).toBe('unknown command "sevre"; did you mean serve?');
    expect(refusal("hlep")).toBe('unknown command "hlep"; did you mean help?');
    expect(refusal("migrate")).toBe('unknown command "migrate"');
    expect(refusal("constructor")).toBe('unknown command "constructor"');
  });

  it("take only their own flags", () => {
    expect(refusal("openapi", "--port", "0")).toBe("openapi takes no --port");
  });
});

describe("flags", () => {
  it.each(flags.map(({ name }) => name))("--%s takes its value in both spellings", (name) => {
    const values = { [name]: "value" };
    expect(parseArguments([`--${name}`, "value"])).toMatchObject({ values });
    expect(parseArguments([`--${name}=value`])).toMatchObject({ values });
  });

  it("keep everything after the first equals sign", () => {
    expect(parseArguments(["--db-password=--a=b "])).toMatchObject({
      values: { "db-password": "--a=b " },
    });
  });

  it("may be empty: whether that is sensible is decided later", () => {
    expect(parseArguments(["--db-password", "", "--host="])).toMatchObject({
      values: { "db-password": "", host: "" },
    });
  });

  it("may have the name of a command as their value", () => {
    expect(parseArguments(["--db-name", "serve"])).toMatchObject({
      values: { "db-name": "serve" },
    });
  });

  it.each([
    ["--prot", "unknown flag --prot; did you mean --port?"],
    ["--db-pasword=geheim", "unknown flag --db-pasword; did you mean --db-password?"],
    ["--db_user", "unknown flag --db_user; did you mean --db-user?"],
    ["--dbUser", "unknown flag --dbUser; did you mean --db-user?"],
    ["--DB-USER", "unknown flag --DB-USER; did you mean --db-user?"],
    ["-port", "unknown flag -port; did you mean --port?"],
    ["--versoin", "unknown flag --versoin; did you mean --version?"],
    ["--cdn-domain", "unknown flag --cdn-domain"],
    ["--no-port", "unknown flag --no-port; did you mean --port?"],
    ["--constructor", "unknown flag --constructor"],
    ["--__proto__=1", "unknown flag --__proto__"],
    ["-p", "unknown flag -p"],
    ["-v", "unknown flag -v"],
    ["--=x", "unknown flag --"],
    ["--\u001b[31m", "unknown flag --\\u{1b}[31m"],
  ])("%p is refused", (word, message) => {
    expect(refusal(word, "geheim")).toBe(message);
  });

  it("are given once", () => {
    expect(refusal("--port", "1", "--port=2")).toBe("--port is given more than once; keep one");
    expect(refusal("--db-password=geheim", "--db-password", "geheim")).toBe(
      "--db-password is given more than once; keep one",
    );
  });

  it("need a value", () => {
    expect(refusal("--port")).toBe("--port needs a value");
  });

  it("do not take the next flag for their value", () => {
    const hint = "--db-password needs a value; if it begins with a dash, write --db-password=VALUE";
    expect(refusal("--db-password", "--port", "1")).toBe(hint);
    expect(refusal("--db-password", "-geheim")).toBe(hint);
    expect(refusal("--db-password", "--")).toBe(hint);
  });

  it("take a lone dash as a value", () => {
    expect(parseArguments(["--db-password", "-"])).toMatchObject({
      values: { "db-password": "-" },
    });
  });
});

describe("other arguments", () => {
  it("are refused", () => {
    expect(refusal("serve", "now")).toBe(
      'unexpected argument "now"; quote a value that holds spaces',
    );
    expect(refusal("--port", "1", "-")).toStartWith('unexpected argument "-"');
    expect(refusal("")).toStartWith('unexpected argument ""');
    expect(refusal("--", "serve")).toBe('"--" has no use here; remove it');
  });

  it("are not shown after a password: they are likely the rest of it", () => {
    expect(refusal("--db-password", "my", "geheim")).toBe(
      "unexpected argument; quote a value that holds spaces",
    );
    expect(refusal("--db-url", "postgres://me:x", "geheim@h/n")).toStartWith(
      "unexpected argument;",
    );
  });
});

describe("help and version", () => {
  it.each([
    [["--help"], null],
    [["-h"], null],
    [["help"], null],
    [["--prot", "80", "--help"], null],
    [["--db-name", "-h"], null],
    [["help", "serve"], "serve"],
    [["serve", "--help"], "serve"],
    [["openapi", "-h"], "openapi"],
  ] as const)("%p asks for the help", (words, command) => {
    expect(parseArguments(words)).toEqual({ kind: "help", command });
  });

  it("--version and -V ask for the version", () => {
    expect(parseArguments(["--version"])).toEqual({ kind: "version" });
    expect(parseArguments(["serve", "-V"])).toEqual({ kind: "version" });
  });

  it("take no value", () => {
    expect(refusal("--help=yes")).toBe("--help takes no value");
    expect(refusal("--version=2")).toBe("--version takes no value");
  });

  it("help is about one command at most, which must exist", () => {
    expect(refusal("help", "serve", "openapi")).toStartWith("help takes the name of one command");
    expect(refusal("help", "--port")).toStartWith("help takes the name of one command");
    expect(refusal("help", "opnapi")).toBe('unknown command "opnapi"; did you mean openapi?');
  });
});

it("citty reads from toWords exactly the values that were parsed", () => {
  const names = flags.map(({ name }) => name);
  const anyValues = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: "binary" }), {
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(anyValues, (values) => {
      const [command, ...words] = toWords("serve", values);
      expect(command).toBe("serve");
      expect(toValues(parseArgs(words, serveArgs))).toEqual(values);
      expect(parseArguments(words)).toMatchObject(
        words.length === 0 ? { kind: "run" } : { kind: "run", values },
      );
    }),
  );
});
