import { defineCommand, runCommand, type CommandDef } from "citty";
import { readEnvironment } from "../ops/config.ts";
import { parseArguments, toWords } from "./arguments.ts";
import { defaultCommand, type CommandName } from "./commands.ts";
import { createDeleteCommand } from "./delete.ts";
import { createGetCommand } from "./get.ts";
import { renderHelp, renderVersion, wantsColour } from "./help.ts";
import { hidePassword } from "./hide-password.ts";
import { createMigrateCommand } from "./migrate.ts";
import { createOpenapiCommand } from "./openapi.ts";
import { createPutCommand } from "./put.ts";
import { createServeCommand } from "./serve.ts";
import { createStatCommand } from "./stat.ts";
import { createTokenCommand } from "./token.ts";
import { createVerifyCommand } from "./verify.ts";

/**
 * Does what the command line asks for and gives the exit code.
 * @param words what follows the program's name
 * @throws UsageError, StartError
 */
export async function runRoot(words: readonly string[]): Promise<number> {
  const invocation = parseArguments(words);
  const warning = hidePassword(invocation);
  if (warning !== null) process.stderr.write(`registry: ${warning}\n`);
  if (invocation.kind === "version") {
    process.stdout.write(renderVersion());
    return 0;
  }
  if (invocation.kind === "help") {
    const isColoured = wantsColour(process.stdout, readEnvironment());
    process.stdout.write(renderHelp(invocation.command, isColoured));
    return 0;
  }
  let exitCode = 0;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const { operands } = invocation;
  const subCommands = {
    serve: createServeCommand(finish),
    migrate: createMigrateCommand(finish),
    verify: createVerifyCommand(finish),
    delete: createDeleteCommand(finish, operands),
    put: createPutCommand(finish, operands),
    get: createGetCommand(finish, operands),
    stat: createStatCommand(finish, operands),
    token: createTokenCommand(finish, operands),
    openapi: createOpenapiCommand(finish),
  } satisfies Record<CommandName, CommandDef>;
  // Without a `run` of its own: citty would run it besides the sub-command.
  const root = defineCommand({ meta: { name: "registry" }, default: defaultCommand, subCommands });
  await runCommand(root, { rawArgs: toWords(invocation) });
  return exitCode;
}
