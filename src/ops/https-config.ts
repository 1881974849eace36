import type { Settings } from "./settings.ts";
import type { TlsFiles } from "./tls-identity.ts";
import { UsageError } from "./usage-error.ts";

/** How to speak HTTPS. */
export interface HttpsConfig extends TlsFiles {
  /** For how long browsers are to use nothing else; null: they are not told. */
  readonly hstsSeconds: number | null;
}

/**
 * Null: plain HTTP.
 * @throws UsageError when one of the flags lacks another
 */
export function readHttpsConfig(settings: Settings): HttpsConfig | null {
  const [cert, key, hsts] = [
    settings.sourceOf("tls-cert"),
    settings.sourceOf("tls-key"),
    settings.sourceOf("hsts"),
  ];
  if (cert !== null && key === null) throw lacking(cert, "--tls-key");
  if (cert === null && key !== null) throw lacking(key, "--tls-cert");
  if (cert === null && hsts !== null) throw lacking(hsts, "--tls-cert and --tls-key");
  const [certFile, keyFile] = [settings.text("tls-cert"), settings.text("tls-key")];
  if (certFile === null || keyFile === null) return null;
  const hstsSeconds = hsts === null ? null : Math.floor(settings.number("hsts") / 1000);
  return { certFile, keyFile, hstsSeconds };
}

// --- internal ---

function lacking(given: string, other: string): UsageError {
  return new UsageError(`${given} has no use without ${other}; give all of them, or leave it out`);
}
