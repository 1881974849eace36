import type { Log } from "../domain/log.ts";
import { createRequestLog } from "../http/request-log.ts";
import type { Check } from "../http/routes/health.ts";
import { listen, type HttpServer, type ServerTls } from "../http/server.ts";
import type { Database } from "../storage/database.ts";
import { createApp, workMsMaxOf, type App, type AppOptions } from "./app.ts";
import type { Config } from "./config.ts";
import { readDenyList } from "./deny-list.ts";
import { openMetrics, type Metrics } from "./metrics/metrics.ts";
import { openDatabase, toWorkError } from "./open-database.ts";
import { createReadiness, uploadChecks, type Phase } from "./readiness.ts";
import { openServedIdentity, type ServedIdentity } from "./served-identity.ts";
import { catchSignals, type Stop } from "./signals.ts";
import { cautionsOf } from "./told-settings.ts";
import { openTraces } from "./tracing/traces.ts";
import { openUploadTokens } from "./upload-tokens.ts";

/** Bun's longest idle timeout, in seconds. */
const idleSecondsCeiling = 255;

/** How often draining looks whether something is still under way. */
const drainLookMs = 20;

/**
 * Runs the registry until it is told to stop, and gives its exit code: 0 after a signal, 1 after a
 * second one, or when a failure of ours brought it down.
 * @throws StartError when it cannot start
 */
export async function run(config: Config, log: Log): Promise<number> {
  const stop = catchSignals(log);
  let phase: Phase = "starting";
  let opened: Database | null = null;
  let app: App | null = null;
  const checks = createReadiness({
    phase: () => phase,
    probe: async () => await opened?.query("health", "SELECT 1"),
    notes: () => (app === null ? {} : notesOf(app)),
  });
  const { denyList, uploadTokens, served } = await readFiles(config, log);
  const idleSecondsMax = idleSecondsMaxOf(config);
  const traces = openTraces(config.otlp.traces, log);
  const tls = tlsOf(config, served);
  const traced = { requestLog: createRequestLog({ ...config, log }), traces: traces.requests };
  const { promise: begun, resolve: begin } = Promise.withResolvers<App>();
  const server = listen({ ...config, idleSecondsMax, log, checks, tls, ...traced });
  stop.onReload(() => {
    void served?.reload(server);
    void uploadTokens?.reload(); // also while starting: a token that is taken back is so at once
    void begun.then(({ brakes }) => brakes.reload());
  });
  tellConfiguration(config, log);
  uploadTokens?.tell();
  served?.tell();
  let metrics: Metrics;
  try {
    metrics = openMetrics(config, log);
  } catch (error) {
    await server.stop();
    throw error;
  }
  try {
    const first = await Promise.race([openDatabase(config, log, stop.signal), stop.asked]);
    if (typeof first === "number") return first; // told to stop before it had started
    opened = first;
    const { senderOf } = server;
    app = await openApp({ config, database: first, log, checks, senderOf, uploadTokens, denyList });
    begin(app);
  } catch (error) {
    await Promise.all([server.stop(), metrics.stop()]);
    throw error;
  }
  server.serve(app.fetch, app.atHand, app.measures.meter);
  phase = "serving";
  log.info("listening", {
    url: server.url,
    store: config.database.kind,
    hashing: app.hashing.implementation,
    ...(metrics.url === null
      ? {}
      : { metrics: `${metrics.url}/metrics`, status: `${metrics.url}/status` }),
  });
  metrics.begin({
    app,
    checks,
    pendingRequests: server.pendingRequests,
    scheme: new URL(server.url).protocol.replace(":", ""),
    spans: traces.counts,
    certificateValidToMs: served === null ? null : () => served.identity().validToMs,
  });
  traces.begin();

  const exitCode = await stop.asked;
  phase = "stopping";
  await drain(server, stop, { config, log });
  await Promise.race([Promise.all([metrics.stop(), traces.stop()]), stop.impatience]);
  // Closing waits for what is still under way in the database.
  await Promise.race([close(app, log), stop.impatience]);
  log.info("stopped", { ...app.counters });
  return stop.isImpatient() ? 1 : exitCode;
}

// --- internal ---

interface DrainOptions {
  readonly config: Config;
  readonly log: Log;
}

/** What is in the files that flags name. @throws StartError when one cannot be used */
async function readFiles({ denyListFile, uploadTokenFile, https }: Config, log: Log) {
  return {
    denyList: denyListFile === null ? null : await readDenyList(denyListFile),
    uploadTokens: uploadTokenFile === null ? null : await openUploadTokens(uploadTokenFile, log),
    served: https === null ? null : await openServedIdentity(https, log),
  };
}

function tlsOf({ https }: Config, served: ServedIdentity | null): ServerTls | null {
  if (https === null || served === null) return null;
  const { cert, key } = served.identity();
  return { cert, key, hstsSeconds: https.hstsSeconds };
}

/** What /readyz tells besides. */
function notesOf({ brakes, measures }: App): Readonly<Record<string, Check>> {
  return { ...uploadChecks(measures.trouble("write")), ...brakes.checks() };
}

/** Longer than the slowest handler: else Bun would close its connection without an answer. */
function idleSecondsMaxOf(config: Config): number {
  return Math.min(idleSecondsCeiling, Math.max(30, Math.ceil(workMsMaxOf(config) / 1000) + 10));
}

/** The app, once it is known what is taken down. @throws StartError when that cannot be read */
async function openApp(options: AppOptions): Promise<App> {
  const app = createApp(options);
  try {
    await app.brakes.begin();
    return app;
  } catch (error) {
    await app.close();
    throw toWorkError(error, options.config.database);
  }
}

function tellConfiguration({ told, typedSecrets }: Config, log: Log): void {
  log.info("configuration", { ...told });
  for (const caution of cautionsOf(told, typedSecrets)) log.warn(caution);
}

/**
 * Two phases: `/readyz` says 503 and answers close their connections, but everybody is still
 * served, until the delay is over (load balancers have looked away) and nothing is under way; then
 * the door is shut, and what has not ended by the timeout is cut.
 */
async function drain(server: HttpServer, stop: Stop, { config, log }: DrainOptions): Promise<void> {
  const { drainDelayMs, drainTimeoutMs } = config;
  const startedAt = performance.now();
  const passedMs = (): number => performance.now() - startedAt;
  log.info("stopping", { pending_requests: server.pendingRequests() });
  server.beginDraining();
  while (passedMs() < drainDelayMs && !stop.isImpatient()) await Bun.sleep(drainLookMs);
  while (server.pendingRequests() > 0 && !stop.isImpatient()) {
    if (passedMs() >= drainDelayMs + drainTimeoutMs) {
      log.warn("requests cut; raise --drain-timeout to let them end", {
        requests: server.pendingRequests(),
      });
      break;
    }
    await Bun.sleep(drainLookMs);
  }
  await server.stop();
}

async function close(app: App, log: Log): Promise<void> {
  try {
    await app.close();
  } catch (error) {
    log.warn("the database connections did not close cleanly", { error });
  }
}
