import { defineCommand, type CommandDef } from "citty";
import { commands } from "./commands.ts";

/** `registry openapi`: prints the document that describes the HTTP interface. */
export function createOpenapiCommand(finish: (exitCode: number) => void): CommandDef {
  return defineCommand({
    meta: { name: "openapi", description: commands.openapi.summary },
    async run() {
      const { describeApi } = await import("../ops/app.ts");
      process.stdout.write(await describeApi());
      finish(0);
    },
  });
}
