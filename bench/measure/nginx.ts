import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { freePort } from "../../test/support/ports.ts";
import { type Fields } from "./answers.ts";
import { type Bench, type Server } from "./bench.ts";
import { spawnChild } from "./child.ts";
import { childrenOf } from "./proc.ts";

const binaries = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
const startMsMax = 5000;

/** Where nginx is, null when it is not installed. */
export function findNginx(): string | null {
  return binaries.find((path) => existsSync(path)) ?? null;
}

/** Its version, e.g. `nginx/1.22.1`. */
export function nginxVersion(binary: string): string {
  const { stderr } = Bun.spawnSync([binary, "-v"], { stderr: "pipe" });
  return stderr.toString().replace("nginx version:", "").trim();
}

/** The one file that nginx serves. */
export interface ServedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** All fields but those that nginx itself makes: Date, Content-Length. */
  readonly fields: Fields;
}

/**
 * Starts nginx with one worker, set up as well as we can to serve one small file: kept open, and
 * read instead of sent, which costs it a quarter less.
 */
export async function startNginx(
  { scratch }: Bench,
  binary: string,
  file: ServedFile,
): Promise<Server> {
  const directory = join(scratch, "nginx");
  const root = join(directory, "root");
  mkdirSync(join(root, file.path, ".."), { recursive: true });
  writeFileSync(join(root, file.path), file.bytes);
  const port = await freePort();
  const configuration = join(directory, "nginx.conf");
  writeFileSync(configuration, configurationOf({ directory, root, port, file }));
  const child = spawnChild({ command: [binary, "-p", directory, "-c", configuration] });
  await answering(port);
  const workers = childrenOf(child.pid);
  return { name: "nginx", port, pids: () => workers, stop: () => child.stop() };
}

// --- internal ---

interface Setup {
  readonly directory: string;
  readonly root: string;
  readonly port: number;
  readonly file: ServedFile;
}

function configurationOf({ directory, root, port, file }: Setup): string {
  const { "content-type": type = "text/plain", ...others } = file.fields;
  const added = Object.entries(others).filter(([name]) => name !== "connection");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join(" ")}
  sendfile off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  open_file_cache_min_uses 1;
  server_tokens off;
  etag off;
  max_ranges 0;
  types { }
  default_type ${type};
  ${added.map(([name, value]) => `add_header ${name} '${value}';`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`;
}

async function answering(port: number): Promise<void> {
  const deadline = Date.now() + startMsMax;
  while (!(await canConnect(port))) {
    if (Date.now() > deadline) throw new Error("nginx does not start");
    await Bun.sleep(10);
  }
}

async function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ host: "127.0.0.1", port });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const isOpen = await promise;
  socket.destroy();
  return isOpen;
}
