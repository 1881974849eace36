import { defineCommand, type CommandDef } from "citty";
import { readEnvironment } from "../ops/config.ts";
import { makeToken } from "../ops/new-token.ts";
import { createSettings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";

/** `registry token`: makes a token, and the line by which a registry knows it. */
export function createTokenCommand(
  finish: (exitCode: number) => void,
  operands: readonly string[],
): CommandDef {
  return defineCommand({
    meta: { name: "token", description: commands.token.summary },
    args: argsOf("token"),
    run({ args: parsed }) {
      const settings = createSettings(toValues(parsed), readEnvironment());
      const [name = null, ...more] = operands;
      if (more.length > 0) throw new UsageError("token takes one name; run it once for each");
      const made = makeToken({ name, expires: settings.text("expires") });
      const text = settings.isOn("json")
        ? JSON.stringify(made)
        : `token  ${made.token}\nline   ${made.line}`;
      process.stdout.write(`${text}\n`);
      finish(0);
    },
  });
}
