import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { codeOf, StartError } from "../domain/errors.ts";

/** What a server proves who it is with, as PEM texts. */
export interface TlsIdentity {
  /** Its certificate, and those of the authorities in between. */
  readonly cert: string;
  readonly key: string;
  /** From when until when the certificate is valid, in ms since 1970. */
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** Where they are. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Reads a certificate and its key, and sees that they belong together.
 * @throws StartError naming the file and what is wrong with it; never with anything of the key
 */
export function readTlsIdentity({ certFile, keyFile }: TlsFiles): TlsIdentity {
  const cert = readPem("--tls-cert", certFile);
  const key = readPem("--tls-key", keyFile);
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(parseKey(key, keyFile))) {
    throw new StartError(
      `--tls-key: the key in ${keyFile} is not that of the first certificate in ${certFile}; ` +
        "the server's own certificate comes first, its authorities behind it",
    );
  }
  return {
    cert,
    key,
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
  };
}

/** What an operator should know of a certificate at `nowMs`; null: nothing. */
export function cautionOf({ validFromMs, validToMs }: TlsIdentity, nowMs: number): string | null {
  if (nowMs < validFromMs) return "the certificate of --tls-cert is not valid yet";
  if (nowMs >= validToMs)
    return "the certificate of --tls-cert has expired: clients will refuse it";
  return null;
}

// --- internal ---

function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(`${flag}: ${file} cannot be read (${codeOf(error) || String(error)})`, {
      cause: error,
    });
  }
}

function parseCertificate(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new StartError(`--tls-cert: ${file} holds no certificate in PEM form`, { cause });
  }
}

/** What the parser says may hold something of the key: it is not passed on. */
function parseKey(text: string, file: string): KeyObject {
  if (/ENCRYPTED/.test(text)) {
    throw new StartError(
      `--tls-key: the key in ${file} is encrypted; write it without a passphrase, readable by ` +
        "this user alone",
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new StartError(`--tls-key: ${file} holds no private key in PEM form`);
  }
}
