import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from "@opentelemetry/resources";
import manifest from "../../package.json" with { type: "json" };

/**
 * Who sends, for metrics and traces alike: the registry, its version and this process, and what
 * OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say instead or besides. Nothing about the machine.
 */
export function resourceOfRegistry(): Resource {
  const own = resourceFromAttributes({
    "service.name": manifest.name,
    "service.version": manifest.version,
    "service.instance.id": instanceId,
  });
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return own.merge(detectResources({ detectors }));
}

// --- internal ---

const instanceId = Bun.randomUUIDv7();
