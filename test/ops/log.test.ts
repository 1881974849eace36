import { describe, expect, it } from "bun:test";
import * as fc from "fast-check";
import { RegistryError } from "../../src/domain/errors.ts";
import type { LogFields } from "../../src/domain/log.ts";
import { createLog, type LogOptions } from "../../src/ops/log.ts";

const now = () => new Date("2026-11-24T23:00:00.000Z");

function linesOf(options: Pick<LogOptions, "format" | "level">) {
  const lines: string[] = [];
  const log = createLog({ ...options, now, write: (line) => lines.push(line) });
  return { log, lines };
}

function textOf(message: string, fields?: LogFields, level: LogOptions["level"] = "info"): string {
  const { log, lines } = linesOf({ format: "text", level });
  log.error(message, fields);
  return lines.join("");
}

function jsonOf(fields: LogFields, level: LogOptions["level"] = "info"): Record<string, unknown> {
  const { log, lines } = linesOf({ format: "json", level });
  log.error("failed", fields);
  expect(lines.join("")).toMatch(/^[^\n]+\n$/);
  return JSON.parse(lines.join(""));
}

function refusedConnection(): RegistryError {
  const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED", errno: -111 });
  return new RegistryError("database_unavailable", "Try again later.", { cause });
}

describe("levels", () => {
  it.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ] as const)("%s lets through %p", (level, expected) => {
    const { log, lines } = linesOf({ format: "json", level });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([...expected]);
  });
});

describe("the json format", () => {
  it("begins with time, level and message", () => {
    const { log, lines } = linesOf({ format: "json", level: "info" });
    log.info("listening", { url: "http://[::]:8080", port: 8080 });
    expect(lines).toEqual([
      '{"time":"2026-11-24T23:00:00.000Z","level":"info","message":"listening",' +
        '"url":"http://[::]:8080","port":8080}\n',
    ]);
  });

  it("lets no field take the place of time, level or message", () => {
    expect(jsonOf({ level: "debug", message: "forged", time: 0, other: 1 })).toEqual({
      time: "2026-11-24T23:00:00.000Z",
      level: "error",
      message: "failed",
      other: 1,
    });
  });

  it("tells an error with its code and its causes", () => {
    expect(jsonOf({ error: refusedConnection() })["error"]).toEqual({
      name: "RegistryError",
      message: "Try again later.",
      code: "database_unavailable",
      cause: { name: "Error", message: "refused", code: "ECONNREFUSED", errno: -111 },
    });
  });

  it("gives the stack of an error without a code: a bug of ours", () => {
    expect(jsonOf({ error: new TypeError("x") })["error"]).toMatchObject({
      stack: expect.stringContaining("log.test.ts"),
    });
  });

  it("gives every stack at debug level", () => {
    expect(jsonOf({ error: refusedConnection() }, "debug")["error"]).toMatchObject({
      stack: expect.any(String),
      cause: { stack: expect.any(String) },
    });
  });

  it("ends a chain of causes that bites its tail", () => {
    const error = new Error("self");
    error.cause = error;
    expect(JSON.stringify(jsonOf({ error })).match(/"self"/g)).toHaveLength(8);
  });

  it("shows keys as hexadecimal, and only the size of long bytes", () => {
    const key = Uint8Array.of(0, 1, 255);
    expect(jsonOf({ key, body: new Uint8Array(65) })).toMatchObject({
      key: "0001ff",
      body: "65 bytes",
    });
  });

  it("cuts long texts", () => {
    expect(String(jsonOf({ text: "x".repeat(100_000) })["text"])).toHaveLength(8193);
  });

  it("takes what JSON cannot hold", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const inner = { n: 1n };
    const fields = { big: 1n, nan: Number.NaN, circle, inner, nothing: undefined, none: null };
    expect(jsonOf(fields)).toMatchObject({
      big: "1",
      nan: "NaN",
      circle: "not serializable",
      inner: { n: "1" },
      none: null,
    });
    expect(jsonOf(fields)).not.toHaveProperty("nothing");
  });
});

describe("the text format", () => {
  it("is time, level, message and fields", () => {
    const { log, lines } = linesOf({ format: "text", level: "info" });
    log.info("listening", { url: "http://[::]:8080", port: 8080 });
    expect(lines).toEqual([
      "2026-11-24T23:00:00.000Z INFO  listening url=http://[::]:8080 port=8080\n",
    ]);
  });

  it("quotes a value when it must", () => {
    expect(textOf("m", { a: "two words", b: "", c: 'x"y', d: "k=v", e: { f: 1 } })).toEndWith(
      ' m a="two words" b="" c="x\\"y" d="k=v" e={"f":1}\n',
    );
  });

  it("tells an error and its causes in one line", () => {
    expect(textOf("failed", { error: refusedConnection() })).toEndWith(
      ' failed error="RegistryError (database_unavailable): Try again later.; ' +
        'caused by Error (ECONNREFUSED, -111): refused"\n',
    );
  });

  it("puts the stack of a bug on lines below", () => {
    const [first, second] = textOf("failed", { error: new TypeError("x is not") }).split("\n");
    expect(first).toEndWith(' failed error="TypeError: x is not"');
    expect(second).toMatch(/^ {4}at .*log\.test\.ts/);
  });

  it("lets nothing from outside control the terminal or forge a line", () => {
    const evil = "a\u001b[2Jb\r\n2026 INFO forged\u009b31m\u202e\u2028\u007f";
    const line = textOf(evil, { [evil]: evil, error: new RegistryError("not_found", evil) });
    expect(line).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u);
    expect(line).toContain("a\\u{1b}[2Jb\\r\\n2026 INFO forged\\u{9b}31m\\u{202e}\\u{2028}\\u{7f}");
  });
});

it("survives that nobody takes its lines any more", async () => {
  const script = `
    import { createLog } from "${import.meta.dir}/../../src/ops/log.ts";
    const log = createLog({ level: "info", format: "json" });
    for (let turn = 0; turn < 100; turn += 1) {
      log.info("still here");
      await new Promise(setImmediate);
    }`;
  const shell = '{ "$0" -e "$1"; echo "exit $?" >&2; } | exec 0<&-';
  const child = Bun.spawn(["sh", "-c", shell, process.execPath, script], { stderr: "pipe" });
  expect(await child.stderr.text()).toBe("exit 0\n");
});

it("never throws and writes one line, whatever the field", () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withTypedArray: true, withDate: true }),
      (value) => {
        expect(jsonOf({ value })).toHaveProperty("message", "failed");
        expect(textOf("failed", { value })).toMatch(/^[^\n]+\n$/);
      },
    ),
  );
});

describe("what comes from outside", () => {
  const evil = "a\u001b[2Jb\r\n\u009b31m\u202e\u2028\u007f\u{e0001}\ud800";

  it("is as it was once the JSON is read, and harmless to a terminal before", () => {
    const { log, lines } = linesOf({ format: "json", level: "info" });
    log.warn(evil, { [evil]: evil, error: new RegistryError("not_found", evil) });
    expect(lines.join("")).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+\n$/u);
    const line = JSON.parse(lines.join(""));
    expect(line).toMatchObject({ message: evil, [evil]: evil, error: { message: evil } });
  });

  it("never breaks a line nor reaches a terminal, in either format, whatever it is", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(evil, "\n", "\u0085"));
    fc.assert(
      fc.property(text, text, fc.constantFrom("json", "text"), (a, b, format) => {
        const { log, lines } = linesOf({ format, level: "info" });
        const cause = Object.assign(new Error(b), { code: a, errno: b });
        const error = new RegistryError("internal_error", a, { cause });
        log.info(a, { [b]: a, list: [a, { [a]: b }], error });
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*\n$/u);
        if (format === "json") expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info" });
      }),
    );
  });
});

describe("a line", () => {
  it("has an end, however much it is asked to hold", () => {
    const names = Array.from({ length: 100 }, (_, index) => `field ${index}`);
    const fields = Object.fromEntries(names.map((name) => [name, "x".repeat(8000)]));
    for (const line of [textOf("failed", fields), `${JSON.stringify(jsonOf(fields))}\n`]) {
      expect(line.length).toBeLessThan(200);
      expect(line).toMatch(/cut\W+8\d{5}/);
    }
    expect(textOf("x".repeat(100_000)).length).toBeLessThan(8300);
  });

  it("of a long chain of long causes has one, too", () => {
    let error = new Error("the first");
    for (let turn = 0; turn < 100; turn += 1) {
      error = new Error("x".repeat(100_000), { cause: error });
    }
    expect(JSON.stringify(jsonOf({ error }, "debug")).length).toBeLessThan(65_536);
  });

  it("holds no secret, wherever it stands", () => {
    const url = "postgres://u:planted@db/x";
    const cause = Object.assign(new Error(`no ${url}`), { code: url });
    const error = new Error(`password=planted`, { cause });
    error.stack = `Error: ${url}\n    at ${url}`;
    const options = { password: "planted", list: [url] };
    const fields = { error, options, password: "planted", text: url };
    const { log, lines } = linesOf({ format: "text", level: "debug" });
    log.error(url, fields);
    lines.push(JSON.stringify(jsonOf(fields, "debug")));
    expect(lines.join("")).toContain("***");
    expect(lines.join("")).not.toContain("planted");
  });
});
