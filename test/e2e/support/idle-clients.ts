import { createConnection } from "node:net";

/*
 * Opens connections to a port of 127.0.0.1 on which nothing is asked, says `ready` once all are
 * there, and holds them until standard input ends: a process of its own, for it needs many files.
 * bun idle-clients.ts PORT COUNT
 */

const [port = 0, count = 0] = process.argv.slice(2).map(Number);
const atOnce = 100;

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port }, resolve);
    socket.on("error", reject);
  });
}

for (let opened = 0; opened < count; opened += atOnce) {
  await Promise.all(Array.from({ length: Math.min(atOnce, count - opened) }, open));
}
process.stdout.write("ready\n");
await Bun.stdin.text();
process.exit(0);
