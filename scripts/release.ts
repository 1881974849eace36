/*
 * Makes of what `bun run build` built a release: beside the files of dist/ a bill of materials
 * (CycloneDX) and the checksums of all of them, as `sha256sum --check SHA256SUMS` reads them.
 * Another folder may be named.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json";

const dist = process.argv[2] ?? join(import.meta.dir, "../dist");
const billName = "registry.cdx.json";
const sumsName = "SHA256SUMS";

await Bun.write(join(dist, billName), `${JSON.stringify(await describeMaterials(), null, 2)}\n`);
const names = (await readdir(dist)).filter((name) => name !== sumsName).toSorted();
const lines = await Promise.all(names.map(async (name) => `${await sumOf(name)}  ${name}\n`));
await Bun.write(join(dist, sumsName), lines.join(""));
process.stdout.write(`${names.length} files, their checksums in ${join(dist, sumsName)}\n`);

interface Component {
  readonly [field: string]: unknown;
}

/** A package, and those that it needs. */
interface Needs {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

/** A bill of materials, as far as it is read here. */
interface Bill {
  readonly metadata: { readonly component: Component; readonly [field: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly Needs[];
  readonly [field: string]: unknown;
}

/** The packages that are there to run, as npm tells of them, and Bun, in which they run. */
async function describeMaterials(): Promise<Bill> {
  const npm = Bun.spawn(["npm", "sbom", "--sbom-format=cyclonedx"], {
    cwd: join(import.meta.dir, ".."),
    stderr: "ignore",
  });
  const text = await new Response(npm.stdout).text();
  if ((await npm.exited) !== 0)
    throw new Error("npm cannot tell what is installed; ask it: npm sbom --sbom-format=cyclonedx");
  const bill = JSON.parse(text) as Bill;
  const { name, version } = manifest;
  const product = String(bill.metadata.component["bom-ref"]);
  const needed = neededBy(bill, product);
  return {
    ...bill,
    metadata: {
      ...bill.metadata,
      component: { ...bill.metadata.component, type: "application", name, version },
    },
    components: [...bill.components.filter((each) => needed.has(refOf(each))), bun()],
    dependencies: bill.dependencies
      .filter(({ ref }) => ref === product || needed.has(ref))
      .map(({ ref, dependsOn = [] }) => ({
        ref,
        dependsOn: dependsOn.filter((each) => needed.has(each)),
      })),
  };
}

/**
 * What `dependencies` of the manifest lead to: not the tools, nor the servers that tests run. npm's
 * --omit=dev leaves out what a tool needs as well, and its graph leads from a package to the
 * compiler that it would have types for; a test holds the result against the folders.
 */
function neededBy({ components, dependencies }: Bill, product: string): ReadonlySet<string> {
  const needsOf = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
  const nameOf = new Map(components.map((each) => [refOf(each), String(each["name"])]));
  const own = needsOf.get(product) ?? [];
  const isIn = (set: object) => (ref: string) => Object.hasOwn(set, nameOf.get(ref) ?? "");
  const tools = new Set(own.filter(isIn(manifest.devDependencies)));
  const needed = new Set<string>();
  const waiting = own.filter(isIn(manifest.dependencies));
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    if (needed.has(ref) || tools.has(ref)) continue;
    needed.add(ref);
    waiting.push(...(needsOf.get(ref) ?? []));
  }
  return needed;
}

function refOf(component: Component): string {
  return String(component["bom-ref"]);
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
