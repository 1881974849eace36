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

/** An export, decoded. */
interface ReceivedExport {
  readonly path: string;
  readonly headers: Headers;
  readonly resource: Readonly<Record<string, string | number>>;
  readonly metrics: readonly ReceivedMetric[];
}

/** What receives metrics by OTLP/HTTP with protobuf. */
export interface OtlpReceiver {
  readonly url: string;
  readonly port: number;
  readonly exports: readonly ReceivedExport[];
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
      const body = new Uint8Array(await request.arrayBuffer());
      exports.push({
        path: new URL(request.url).pathname,
        headers: request.headers,
        ...decode(body),
      });
      return await answer();
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    port: Number(server.port),
    exports,
    stop: async () => await server.stop(true),
  };
}

/** The metrics of opentelemetry-proto 1.x, as far as the registry uses them. */
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
`;

const message = protobuf.parse(definition).root.lookupType("ExportMetricsServiceRequest");

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

function decode(body: Uint8Array): Pick<ReceivedExport, "resource" | "metrics"> {
  const options = { longs: Number, defaults: false, arrays: true };
  const { resourceMetrics } = message.toObject(message.decode(body), options) as Decoded;
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
