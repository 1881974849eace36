import { describe, expect, it } from "bun:test";
import { parseArgs } from "citty";
import * as fc from "fast-check";
import { parseArguments, toWords } from "../../src/cli/arguments.ts";
import { argsOf, toValues } from "../../src/cli/citty-args.ts";
import { commandNames, commands, type Command } from "../../src/cli/commands.ts";
import type { FlagValues } from "../../src/ops/flags.ts";
import { serverFlags } from "../../src/ops/server-flags.ts";

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
    expect(parseArguments([])).toEqual({
      kind: "run",
      command: "serve",
      values: {},
      operands: [],
    });
    expect(parseArguments(["--port", "0"])).toMatchObject({ command: "serve" });
  });

  it("are named first", () => {
    expect(parseArguments(["serve", "--port", "0"])).toEqual({
      kind: "run",
      command: "serve",
      values: { port: "0" },
      operands: [],
    });
    expect(parseArguments(["openapi"])).toMatchObject({ command: "openapi", values: {} });
    expect(refusal("--port", "0", "serve")).toBe("serve is a command; write it first");
  });

  it("that are unknown are answered with the nearest", () => {
    expect(refusal("sevre")).toBe('unknown command "sevre"; did you mean serve?');
    expect(refusal("hlep")).toBe('unknown command "hlep"; did you mean help?');
    expect(refusal("upload")).toBe('unknown command "upload"');
    expect(refusal("constructor")).toBe('unknown command "constructor"');
  });

  it("take only their own flags", () => {
    expect(refusal("openapi", "--port", "0")).toBe("openapi takes no --port");
    expect(refusal("put", "--output", "x", "file")).toBe("put takes no --output");
    expect(refusal("--json")).toBe("serve takes no --json");
    expect(refusal("--url=x")).toBe("serve takes no --url");
  });
});

describe("flags", () => {
  const valued = serverFlags.filter(({ type }) => type.kind !== "switch");

  it.each(valued.map(({ name }) => name))("--%s takes its value in both spellings", (name) => {
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
    ["--quota", "unknown flag --quota"],
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
    expect(refusal("--db-password", "my", "-geheim")).toBe("unknown flag");
    expect(refusal("--db-password", "my", "--geheim=x")).toBe("unknown flag");
    expect(refusal("--db-password", "my", "--prot")).toBe("unknown flag; did you mean --port?");
  });

  it("are not shown behind the letter of a flag, where other programs take a password", () => {
    expect(refusal("-pgeheim")).toBe("unknown flag -p");
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

describe("switches", () => {
  it("take no value", () => {
    expect(parseArguments(["stat", "--json", "key"])).toMatchObject({
      values: { json: "true" },
      operands: ["key"],
    });
    expect(refusal("stat", "--json=true", "key")).toBe("--json takes no value");
    expect(refusal("stat", "--json=", "key")).toBe("--json takes no value");
  });

  it("are given once", () => {
    expect(refusal("put", "--json", "--json")).toBe("--json is given more than once; keep one");
  });
});

describe("operands", () => {
  const operandsOf = (...words: string[]): readonly string[] | null => {
    const invocation = parseArguments(words);
    return invocation.kind === "run" ? invocation.operands : null;
  };

  it("may stand before, between and behind flags, in their order", () => {
    expect(operandsOf("put", "a", "--url", "u", "b", "--json", "c")).toEqual(["a", "b", "c"]);
    expect(operandsOf("get", "--output=x", "k")).toEqual(["k"]);
    expect(operandsOf("stat")).toEqual([]);
  });

  it("may be a dash, the name of a command, empty, or hold spaces", () => {
    expect(operandsOf("put", "-", "serve", "", "a b")).toEqual(["-", "serve", "", "a b"]);
  });

  it("are all that stands behind two dashes", () => {
    expect(operandsOf("put", "a", "--", "--json", "-", "--")).toEqual(["a", "--json", "-", "--"]);
    expect(operandsOf("put", "--")).toEqual([]);
  });

  it("are not what looks like a flag", () => {
    expect(refusal("put", "-x")).toBe("unknown flag -x");
    expect(refusal("get", "--jsno", "key")).toBe("unknown flag --jsno; did you mean --json?");
  });

  it("are taken only by commands that have a use for them", () => {
    for (const name of commandNames) {
      const { operands }: Command = commands[name];
      if (operands === undefined) expect(refusal(name, "x")).toStartWith("unexpected argument");
      else expect(operandsOf(name, "x")).toEqual(["x"]);
    }
  });
});

describe("citty reads from toWords exactly what was parsed", () => {
  /** Values of a command's flags, each given or not. */
  function anyValuesOf({ flags }: Command): fc.Arbitrary<FlagValues> {
    const entries = flags.map(({ name, type }) => [
      name,
      type.kind === "switch" ? fc.constant("true") : fc.string({ unit: "binary" }),
    ]);
    return fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<string>>, {
      requiredKeys: [],
      noNullPrototype: true,
    });
  }

  it.each(commandNames)("of %s", (command) => {
    const known: Command = commands[command];
    const anyOperands =
      known.operands === undefined ? fc.constant([]) : fc.array(fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(anyValuesOf(known), anyOperands, (values, operands) => {
        const invocation = { kind: "run", command, values, operands } as const;
        const [first, ...words] = toWords(invocation);
        expect(first).toBe(command);
        expect(toValues(parseArgs(words, argsOf(command)))).toEqual(values);
        expect(parseArguments([command, ...words])).toEqual(invocation);
      }),
    );
  });
});
