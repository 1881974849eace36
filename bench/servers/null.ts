import { cc, ptr } from "bun:ffi";
import { fileURLToPath } from "node:url";

/*
 * Answers every request with the bytes of a file, without work. Prints its URL.
 * bun servers/null.ts BYTES_OF_A_REQUEST (0: it ends with its empty line) ANSWER_FILE
 */

const { symbols } = cc({
  source: fileURLToPath(new URL("../load/null.c", import.meta.url)),
  symbols: {
    open_listener: { args: ["ptr"], returns: "int" },
    serve: { args: ["int", "ptr", "i64", "i64"], returns: "void" },
  },
});

const [requestBytes = "0", answerFile = ""] = process.argv.slice(2);
const answer = await Bun.file(answerFile).bytes();
const listener = new Int32Array(1);
const port = symbols.open_listener(ptr(listener));
if (port < 0) throw new Error("cannot listen on 127.0.0.1");
process.stdout.write(`http://127.0.0.1:${port}\n`);
symbols.serve(listener[0] ?? 0, ptr(answer), BigInt(answer.length), BigInt(requestBytes));
