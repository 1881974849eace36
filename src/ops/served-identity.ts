import type { Log } from "../domain/log.ts";
import type { HttpServer } from "../http/server.ts";
import { cautionOf, readTlsIdentity, type TlsFiles, type TlsIdentity } from "./tls-identity.ts";

/** What the server proves who it is with, as --tls-cert and --tls-key have it. */
export interface ServedIdentity {
  /** The one in force. */
  readonly identity: () => TlsIdentity;
  /** Tells the log how long the certificate is valid, and what is wrong with it. */
  tell(): void;
  /**
   * Reads the files again, and has `server` use what is new in them; what cannot be used changes
   * nothing. Never fails.
   */
  reload(server: Pick<HttpServer, "renewTls">): Promise<void>;
}

/** @throws StartError when the files cannot be read or do not fit each other */
export async function openServedIdentity(files: TlsFiles, log: Log): Promise<ServedIdentity> {
  let identity = await readTlsIdentity(files);
  let reloading: Promise<void> = Promise.resolve();

  function tell(): void {
    log.info("certificate read", { valid_to: toText(identity.validToMs) });
    const caution = cautionOf(identity, Date.now());
    if (caution !== null) {
      log.warn(caution, {
        valid_from: toText(identity.validFromMs),
        valid_to: toText(identity.validToMs),
      });
    }
  }

  async function reload(server: Pick<HttpServer, "renewTls">): Promise<void> {
    try {
      const next = await readTlsIdentity(files);
      // A reload may be for another file: then no connection is closed for nothing.
      if (next.cert !== identity.cert || next.key !== identity.key) server.renewTls(next);
      identity = next;
      tell();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error("the certificate cannot be renewed: the one before stays in force", {
        valid_to: toText(identity.validToMs),
        why,
      });
    }
  }

  return {
    identity: () => identity,
    tell,
    reload(server) {
      reloading = reloading.then(async () => await reload(server));
      return reloading;
    },
  };
}

// --- internal ---

/** A time as RFC 3339 has it. */
function toText(ms: number): string {
  return new Date(ms).toISOString();
}
