import { type Family, keyOf } from "../load/blobs.ts";
import { answerBytes, download } from "./answers.ts";
import { type Bench, type Server } from "./bench.ts";
import { type Figure } from "./figure.ts";
import { type ProductOptions, startProduct } from "./product.ts";
import { alternate, headroomOf, nullRate } from "./slices.ts";
import { ratioOf, spreadOf } from "./spread.ts";
import { createTables, store } from "./stock.ts";
import { perSecondText } from "./text.ts";

/** Something about the registry that may be on or off. */
export interface Switched {
  readonly what: string;
  readonly family: Family;
  readonly on: Omit<ProductOptions, "keeps">;
  readonly off: Omit<ProductOptions, "keeps">;
  /** The least rate with it, to that without. */
  readonly mustReach: number;
  /** Resolves once the registry that has it does all of it; left out: at once. */
  readonly ready?: (server: Server) => Promise<void>;
}

/** What it costs cached reads: their rate with it on, to that with it off. */
export async function measureSwitched(
  bench: Bench,
  switched: Switched,
): Promise<readonly Figure[]> {
  const { what, family, mustReach } = switched;
  const job = { connections: 64, ask: { kind: "get", family, count: 1 } } as const;
  await using stack = new AsyncDisposableStack();
  const keeps = await createTables(bench, stack);
  const start = async (options: Switched["on"]): Promise<Server> => {
    const server = await startProduct(bench, { keeps, ...options });
    stack.defer(() => server.stop());
    return server;
  };
  const servers = [await start(switched.on), await start(switched.off)] as const;
  await store(bench, servers[0], { family, count: 1 });
  await switched.ready?.(servers[0]);
  const sides = servers.map((server) => ({ server, job }));
  const [on, off] = await alternate(bench, sides);
  if (on === undefined || off === undefined) return [];
  const answer = answerBytes(await download(servers[0], keyOf(family, 0)));
  const most = await nullRate(bench, job, { answer, requestBytes: 0 });
  return [
    {
      what,
      measured: [on, off].map((side) => perSecondText(spreadOf(side.perSecond))).join(" to "),
      counts: ratioOf(on.perSecond, off.perSecond),
      unit: "×",
      target: { mustReach, wanted: 1 },
      headroom: headroomOf(most, [on, off]),
      failures: [...on.failures, ...off.failures],
    },
  ];
}
