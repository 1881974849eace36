import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/ports.ts";
import { connectRaw } from "../../support/raw-http.ts";

/** A request as a proxy logged it. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  /** What the registry answered to it; null: it was not passed on. */
  readonly status: number | null;
}

/** A reverse proxy in front of a registry, as operators run it. */
export interface FrontProxy {
  readonly port: number;
  /** All that it has logged so far. */
  passed(): Passed[];
  stop(): Promise<void>;
}

/** Whether this machine has it. */
export const hasNginx = Bun.which("nginx") !== null;
export const hasHaproxy = Bun.which("haproxy") !== null;

/** nginx, which keeps connections to the registry and passes bodies on as they come. */
export async function startNginx(registryPort: number): Promise<FrontProxy> {
  return await start(({ directory, port, log }) => ({
    file: "nginx.conf",
    command: ["nginx", "-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")],
    text: `
      daemon off; pid ${directory}/pid; worker_processes 1; ${runsAsRoot ? "user root;" : ""}
      events { worker_connections 256; }
      http {
        log_format seen '"$request_method" "$request_uri" $upstream_addr $upstream_status';
        access_log ${log} seen;
        ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
          .map((name) => `${name}_temp_path ${directory}/${name};`)
          .join(" ")}
        upstream registry { server 127.0.0.1:${registryPort}; keepalive 4; }
        server {
          listen 127.0.0.1:${port};
          client_max_body_size 70m;
          location / {
            proxy_pass http://registry; proxy_http_version 1.1; proxy_request_buffering off;
            proxy_set_header Connection ""; proxy_set_header Host $host;
          }
        }
      }`,
  }));
}

/** HAProxy, which keeps connections to the registry and shares them among its clients. */
export async function startHaproxy(registryPort: number): Promise<FrontProxy> {
  return await start(({ directory, port, log }) => ({
    file: "haproxy.cfg",
    command: ["sh", "-c", `exec haproxy -db -f "$0" >>"$1"`, join(directory, "haproxy.cfg"), log],
    text: `
global
  log stdout format raw local0
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  log global
  log-format "\\"%HM\\" \\"%HP\\" %s %ST"
  default_backend registry
backend registry
  server one 127.0.0.1:${registryPort}
`,
  }));
}

// --- internal ---

const runsAsRoot = process.getuid?.() === 0;

interface Place {
  readonly directory: string;
  readonly port: number;
  readonly log: string;
}

interface Setup {
  readonly file: string;
  readonly text: string;
  readonly command: readonly string[];
}

async function start(setUp: (place: Place) => Setup): Promise<FrontProxy> {
  const directory = await mkdtemp(join(tmpdir(), "mycelium-front-"));
  const port = await freePort();
  const log = join(directory, "log");
  await writeFile(log, "");
  const { file, text, command } = setUp({ directory, port, log });
  await writeFile(join(directory, file), text);
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const stderr = new Response(child.stderr).text();
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended: ${await stderr}`);
    await Bun.sleep(20);
  }
  return {
    port,
    passed: () => readLog(log),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** `"METHOD" "PATH" SERVER STATUS`, the server `-` or `<NOSRV>` where there was none. */
function readLog(log: string): Passed[] {
  const lines = readFileSync(log, "latin1").matchAll(/^"(.*)" "(.*)" (\S+) (\S+)$/gm);
  return Array.from(lines, ([, method = "", path = "", server, status]) => {
    const isPassed = server !== "-" && server !== "<NOSRV>";
    return { method, path, status: isPassed ? Number(status) : null };
  });
}

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await connectRaw(port);
    connection.destroy();
    return true;
  } catch {
    return false;
  }
}
