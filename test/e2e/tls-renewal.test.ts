import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { copyFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { hasOpenssl, makeCertificates, type Certificates } from "../support/certificates.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { randomBlob } from "./support/blobs.ts";

/** What clients of one kind met. */
interface Tally {
  answered: number;
  /** Requests whose connection was broken. */
  lost: number;
  /** Those that were lost again when they were asked once more. */
  lostTwice: number;
  /** Of the certificate that was met last. */
  fingerprint: string;
}

describe.skipIf(!hasOpenssl())("a certificate that is renewed under load", () => {
  let home: BinaryHome;
  let made: Certificates[] = [];
  beforeAll(() => {
    home = createBinaryHome();
    made = [makeCertificates("DNS:localhost"), makeCertificates("DNS:localhost")];
  });
  afterAll(async () => {
    await home.remove();
    for (const { remove } of made) remove();
  });

  it("breaks a connection now and then, of those that are kept hardly any", async () => {
    const directory = home.newDirectory();
    const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
    const use = (files: Certificates | undefined): void => {
      copyFileSync(files?.certFile ?? "", cert);
      copyFileSync(files?.keyFile ?? "", key);
    };
    use(made[0]);
    const flags = ["--embedded", home.newDirectory(), "--tls-cert", cert, "--tls-key", key];
    const registry = await home.start([...anyPort, ...flags]);
    const api = `https://localhost:${registry.port()}/api/v1/metadata`;
    const ca = made.map((each) => each.ca);
    const blob = randomBlob(20_000);
    const body = new FormData();
    body.set("data", new Blob([blob]));
    const posted = await fetch(api, { method: "POST", body, tls: { ca } });
    const { hash } = (await posted.json()) as { readonly hash: string };

    function ask(agent: Agent | false, tally: Tally): Promise<Uint8Array> {
      return new Promise((resolve, reject) => {
        const request = get(`${api}/${hash}`, { agent, ca }, (response) => {
          tally.fingerprint = (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
          const pieces: Buffer[] = [];
          response.on("data", (bytes: Buffer) => pieces.push(bytes));
          response.on("end", () => resolve(Buffer.concat(pieces)));
          response.on("error", reject);
        });
        request.on("error", reject);
      });
    }

    const ending = new AbortController();
    async function client(agent: Agent | false, tally: Tally): Promise<void> {
      const again = async (): Promise<Uint8Array | null> => {
        tally.lost += 1;
        return await ask(agent, tally).catch(() => null);
      };
      while (!ending.signal.aborted) {
        const bytes = await ask(agent, tally).catch(again);
        if (bytes === null) tally.lostTwice += 1;
        else expect(Buffer.compare(bytes, blob)).toBe(0);
        tally.answered += 1;
      }
      if (agent !== false) agent.destroy();
    }

    const newTally = (): Tally => ({ answered: 0, lost: 0, lostTwice: 0, fingerprint: "" });
    const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const [kept, fresh] = [newTally(), newTally()];
    const keeping = agents.map(async (agent) => await client(agent, kept));
    const opening = Array.from({ length: 4 }, async () => await client(false, fresh));
    for (const files of [made[1], made[0], made[1], made[0]]) {
      const before = kept.fingerprint;
      use(files);
      process.kill(registry.pid, "SIGHUP");
      await eventually(() => kept.fingerprint !== before);
      await Bun.sleep(1200); // until the listener before has stopped
      const goal = fresh.answered + 20;
      await eventually(() => fresh.answered >= goal);
    }
    ending.abort();
    await Promise.all([...keeping, ...opening]);
    expect([kept.lostTwice, fresh.lostTwice]).toEqual([0, 0]);
    // Were they cut when the new one comes, it would be most of them each time: 24 are measured.
    expect(kept.lost).toBeLessThan(8);
    expect(await registry.kill()).toBe(0);
  });
});
