/*
 * The fastest way in which Bun answers: one route with a Response made once. Prints its URL.
 * bun servers/static.ts PATH FILE FIELDS (JSON)
 */

const [path = "", file = "", fieldsJson = "{}"] = process.argv.slice(2);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  routes: {
    [path]: new Response(await Bun.file(file).bytes(), {
      headers: JSON.parse(fieldsJson) as Record<string, string>,
    }),
  },
});

process.stdout.write(`${server.url.origin}\n`);
