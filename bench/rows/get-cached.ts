import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { blobOf, type Family, keyOf } from "../load/blobs.ts";
import { answerBytes, checkSameDownloads, constantFields, download } from "../measure/answers.ts";
import { type Bench, type Server } from "../measure/bench.ts";
import { type Figure, type Row } from "../measure/figure.ts";
import { findNginx, startNginx } from "../measure/nginx.ts";
import { startProduct } from "../measure/product.ts";
import { startProgram } from "../measure/programs.ts";
import { alternate, headroomOf, type Measured, nullRate } from "../measure/slices.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { perSecondText, usText } from "../measure/text.ts";

const family: Family = { name: "get-cached", bytesTotal: 600 };
const job = { connections: 64, ask: { kind: "get", family, count: 1 } } as const;

/** One blob of 600 bytes, again and again, against nginx and a static route of Bun. */
export const getCached: Row = {
  name: "get-cached",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const start = async (starting: Promise<Server>): Promise<Server> => {
      const server = await starting;
      stack.defer(() => server.stop());
      return server;
    };
    const product = await start(startProduct(bench, { keeps: await createTables(bench, stack) }));
    await store(bench, product, { family, count: 4 });
    const others = await startOthers(bench, product, start);
    const sides = [product, others.fixed, ...(others.nginx === null ? [] : [others.nginx])];
    const measured = await alternate(
      bench,
      sides.map((server) => ({ server, job })),
    );
    const [ours, fixed, nginx = null] = measured;
    if (ours === undefined || fixed === undefined) return [];
    const answer = answerBytes(await download(product, keyOf(family, 0)));
    const most = await nullRate(bench, job, { answer, requestBytes: 0 });
    return [againstNginx(ours, nginx, most), ...againstFixed(ours, fixed, most)];
  },
};

// --- internal ---

async function startOthers(
  bench: Bench,
  product: Server,
  start: (starting: Promise<Server>) => Promise<Server>,
): Promise<{ readonly fixed: Server; readonly nginx: Server | null }> {
  const answer = await download(product, keyOf(family, 0));
  const path = `/api/v1/metadata/${keyOf(family, 0)}`;
  const { etag = "", "last-modified": lastModified = "" } = answer.headers;
  const fields = { ...constantFields(answer), etag, "last-modified": lastModified };
  const bytes = blobOf(family, 0);
  const file = join(bench.scratch, "static-body");
  writeFileSync(file, bytes);
  const fixed = await start(startProgram("static", [path, file, JSON.stringify(fields)]));
  await checkSameDownloads(product, fixed, { family, numbers: [0] });
  const binary = findNginx();
  if (binary === null) return { fixed, nginx: null };
  const nginx = await start(startNginx(bench, binary, { path, bytes, fields }));
  await checkSameDownloads(product, nginx, { family, numbers: [0] });
  return { fixed, nginx };
}

const row = "GET, cached, 600 B, 64 connections";

function againstNginx(ours: Measured, nginx: Measured | null, most: number): Figure {
  const what = `${row}: CPU time per request, to nginx's`;
  if (nginx === null) {
    return { what, measured: "", skipped: "nginx is not installed: apt-get install nginx-light" };
  }
  return {
    what,
    ...cpuTimes(ours, nginx),
    target: { isAtMost: true, mustReach: 1, wanted: 0.8 },
    headroom: headroomOf(most, [ours, nginx]),
  };
}

/**
 * A static route may be nearly as fast as the load generator. What it could do is then told by its
 * CPU time, for both servers are one thread.
 */
function againstFixed(ours: Measured, fixed: Measured, most: number): Figure[] {
  const rates = [ours, fixed].map(({ perSecond }) => perSecondText(spreadOf(perSecond)));
  return [
    {
      what: `${row}: rate, to a static route of Bun`,
      measured: rates.join(" to "),
      counts: ratioOf(ours.perSecond, fixed.perSecond),
      unit: "×",
      target: { wanted: 0.85 },
      headroom: headroomOf(most, [ours, fixed]),
      failures: [...ours.failures, ...fixed.failures],
    },
    {
      what: `${row}: CPU time per request, to a static route of Bun`,
      ...cpuTimes(ours, fixed),
      target: { isAtMost: true, wanted: 1.18 },
    },
  ];
}

function cpuTimes(ours: Measured, theirs: Measured) {
  return {
    measured: [ours, theirs].map(({ cpuUs }) => usText(spreadOf(cpuUs))).join(" to "),
    counts: ratioOf(ours.cpuUs, theirs.cpuUs),
    unit: "×",
    failures: [...ours.failures, ...theirs.failures],
  } as const;
}
