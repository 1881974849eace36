import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { connectRaw } from "../support/raw-http.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import {
  hasHaproxy,
  hasNginx,
  startHaproxy,
  startNginx,
  type FrontProxy,
  type Passed,
} from "./support/front-proxies.ts";
import type { Registry } from "./support/observation.ts";
import { smugglingRows } from "./support/smuggling-rows.ts";

/** How long a connection may be silent before nothing more is expected on it. */
const silenceMs = 120;
/** What the registry's HTTP parser refuses by itself, before anybody logs it. */
const parsersOwn = new Set([400, 408, 413, 431, 505]);

let home: BinaryHome;
let registry: Registry;
let count = 0;

beforeAll(async () => {
  home = createBinaryHome();
  const flags = ["--embedded", home.newDirectory(), ...anyPort, "--host=127.0.0.1"];
  registry = await home.start([...flags, "--access-log", "--log-format=json"]);
});

afterAll(async () => {
  await home.remove();
});

/** The requests that reached a handler of the registry, in their order. */
function seen(): string[] {
  const lines = registry.lines().filter(({ message }) => message === "request");
  return lines.map(({ method, path }) => `${String(method)} ${String(path)}`);
}

/** Sends bytes as they are; gives all that came back until it is silent or closed. */
async function exchange(port: number, text: string): Promise<void> {
  const connection = await connectRaw(port);
  await connection.send(Buffer.from(text, "latin1")).catch(() => {});
  let before = -1;
  while (before !== connection.received()) {
    before = connection.received();
    if ((await Promise.race([connection.ended, Bun.sleep(silenceMs)])) !== undefined) break;
  }
  connection.destroy();
}

/** Somebody else's requests, on connections of their own; gives their paths. */
async function bystanders(port: number): Promise<string[]> {
  count += 1;
  const paths = [1, 2, 3].map((each) => `/bystander-${count}-${each}`);
  for (const path of paths) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false });
    expect({ path, status: response.status }).toEqual({ path, status: 404 });
  }
  while (!paths.every((path) => seen().includes(`GET ${path}`))) await Bun.sleep(5);
  return paths;
}

describe("straight to the registry", () => {
  it.each(smugglingRows.map((row) => [row.name, row] as const))(
    "%s hides nothing",
    async (_name, row) => {
      const before = seen().length;
      await exchange(registry.port(), row.text);
      await bystanders(registry.port());
      const requests = seen().slice(before, -3);
      expect(requests.filter((request) => request.includes("/hidden"))).toEqual([]);
      expect(requests.length).toBeLessThanOrEqual(
        row.name === "a request behind a request" ? 2 : 1,
      );
    },
  );
});

const proxies: [name: string, isHere: boolean, start: (port: number) => Promise<FrontProxy>][] = [
  ["nginx", hasNginx, startNginx],
  ["HAProxy", hasHaproxy, startHaproxy],
];

describe.each(proxies)("through %s", (_proxy, isHere, start) => {
  let proxy: FrontProxy;

  beforeAll(async () => {
    if (isHere) proxy = await start(registry.port());
  });

  afterAll(async () => {
    await proxy?.stop();
  });

  it.skipIf(!isHere).each(smugglingRows.map((row) => [row.name, row] as const))(
    "%s is seen alike on both sides",
    async (_name, row) => {
      const seenBefore = seen().length;
      const passedBefore = proxy.passed().length;
      await exchange(proxy.port, row.text);
      const paths = await bystanders(proxy.port);
      while (!proxy.passed().some(({ path }) => path === paths[2])) await Bun.sleep(5);
      const requests = seen().slice(seenBefore);
      const passed = proxy.passed().slice(passedBefore);
      expect(requests.toSorted()).toEqual(handled(passed, requests).toSorted());
    },
  );
});

/** What a proxy passed on, but for what the registry's parser refused by itself. */
function handled(passed: readonly Passed[], requests: readonly string[]): string[] {
  const left = [...requests];
  return passed.flatMap(({ method, path, status }) => {
    if (status === null) return [];
    const name = `${method} ${path.replace(/\?.*/, "")}`;
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
    return at < 0 && parsersOwn.has(status) ? [] : [name];
  });
}
