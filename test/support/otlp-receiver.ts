import protobuf from "protobufjs";

/** A point of a metric, as it arrived. */
interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly value: number | { readonly count: number; readonly sum: number };
}

/** A metric as it arrived. */
interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "sum" | "histogram";
  readonly isMonotonic: boolean;
  readonly points: readonly ReceivedPoint[];
}

/** Of which trace, and which span of it, in hexadecimal. */
interface ReceivedContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** A span as it arrived. */
export interface ReceivedSpan extends ReceivedContext {
  /** "" where it is the first of its trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
  /** In ms since 1970, to the nanosecond as far as a number holds it. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly ReceivedContext[];
  readonly isError: boolean;
  readonly message: string;
}

/** An export, decoded. */
interface ReceivedExport {
  readonly path: string;
  readonly headers: Headers;
  readonly resource: Readonly<Record<string, string | number>>;
  readonly metrics: readonly ReceivedMetric[];
  readonly spans: readonly ReceivedSpan[];
}

/** What receives metrics and traces by OTLP/HTTP with protobuf, gzipped or not. */
export interface OtlpReceiver {
  readonly url: string;
  readonly port: number;
  readonly exports: readonly ReceivedExport[];
  /** All spans so far. */
  spans(): ReceivedSpan[];
  stop(): Promise<void>;
}

/**
 * Starts a receiver on a free port. `answer` decides what it says, once it has read an export; by
 * default that all is well.
 */
export function startOtlpReceiver(
  answer: () => Response | Promise<Response> = () => new Response(null),
): OtlpReceiver {
  const exports: ReceivedExport[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const sent = new Uint8Array(await request.arrayBuffer());
      const isGzip = request.headers.get("content-encoding") === "gzip";
      const body = isGzip ? Bun.gunzipSync(sent) : sent;
      const path = new URL(request.url).pathname;
      const decoded = path.endsWith("/traces") ? decodeTraces(body) : decodeMetrics(body);
      exports.push({ path, headers: request.headers, metrics: [], spans: [], ...decoded });
      return await answer();
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    port: Number(server.port),
    exports,
    spans: () => exports.flatMap(({ spans }) => spans),
    stop: async () => await server.stop(true),
  };
}

/** The metrics and traces of opentelemetry-proto 1.x, as far as the registry uses them. */
const definition = `
syntax = "proto3";
message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeMetrics { repeated Metric metrics = 2; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
}
message Metric {
  string name = 1; string description = 2; string unit = 3;
  oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; }
}
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum {
  repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3;
}
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message NumberDataPoint {
  repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; }
}
message HistogramDataPoint {
  repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  fixed64 count = 4; optional double sum = 5; repeated fixed64 bucket_counts = 6;
  repeated double explicit_bounds = 7;
}
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
  int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15;
}
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Status { string message = 2; int32 code = 3; }
`;

const { root } = protobuf.parse(definition);
const metricsMessage = root.lookupType("ExportMetricsServiceRequest");
const tracesMessage = root.lookupType("ExportTraceServiceRequest");
const spanKinds = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const errorStatus = 2;

interface Decoded {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly DecodedMetric[] }[];
  }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number>>;
}

interface DecodedMetric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly DecodedPoint[] };
  readonly sum?: { readonly dataPoints: readonly DecodedPoint[]; readonly isMonotonic: boolean };
  readonly histogram?: { readonly dataPoints: readonly DecodedPoint[] };
}

interface DecodedPoint {
  readonly attributes: readonly KeyValue[];
  readonly asDouble?: number;
  readonly asInt?: number;
  readonly count?: number;
  readonly sum?: number;
}

interface DecodedTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[];
  }[];
}

interface DecodedSpan extends DecodedContext {
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: number;
  readonly endTimeUnixNano: number;
  readonly attributes: readonly KeyValue[];
  readonly links: readonly DecodedContext[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface DecodedContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** Bytes come as base64. */
const options = { longs: Number, bytes: String, defaults: false, arrays: true };

function decodeTraces(body: Uint8Array): Pick<ReceivedExport, "resource" | "spans"> {
  const message = tracesMessage.toObject(tracesMessage.decode(body), options);
  const { resourceSpans } = message as unknown as DecodedTraces;
  return {
    resource: toRecord(resourceSpans.flatMap(({ resource }) => resource.attributes)),
    spans: resourceSpans
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans.map(toSpan)),
  };
}

function toSpan({ status, kind = 0, attributes, links, ...span }: DecodedSpan): ReceivedSpan {
  return {
    ...toContext(span),
    parentSpanId: toHex(span.parentSpanId ?? ""),
    traceState: span.traceState ?? "",
    name: span.name,
    kind: spanKinds[kind] ?? "unspecified",
    startMs: span.startTimeUnixNano / 1e6,
    endMs: span.endTimeUnixNano / 1e6,
    attributes: toRecord(attributes),
    links: links.map(toContext),
    isError: status?.code === errorStatus,
    message: status?.message ?? "",
  };
}

function toContext({ traceId, spanId }: DecodedContext): ReceivedContext {
  return { traceId: toHex(traceId), spanId: toHex(spanId) };
}

function toHex(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}

function decodeMetrics(body: Uint8Array): Pick<ReceivedExport, "resource" | "metrics"> {
  const message = metricsMessage.toObject(metricsMessage.decode(body), options);
  const { resourceMetrics } = message as unknown as Decoded;
  const scopes = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
  return {
    resource: toRecord(resourceMetrics.flatMap(({ resource }) => resource.attributes)),
    metrics: scopes.flatMap(({ metrics }) => metrics.map(toMetric)),
  };
}

function toMetric({ name, unit, gauge, sum, histogram }: DecodedMetric): ReceivedMetric {
  const { dataPoints } = gauge ?? sum ?? histogram ?? { dataPoints: [] };
  const kind = gauge !== undefined ? "gauge" : sum !== undefined ? "sum" : "histogram";
  const points = dataPoints.map((point) => ({
    attributes: toRecord(point.attributes),
    value:
      kind === "histogram"
        ? { count: point.count ?? 0, sum: point.sum ?? 0 }
        : (point.asDouble ?? point.asInt ?? 0),
  }));
  return { name, unit: unit ?? "", kind, isMonotonic: sum?.isMonotonic ?? false, points };
}

function toRecord(attributes: readonly KeyValue[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? ""]),
  );
}
