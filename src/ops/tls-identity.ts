import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { StartError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { readBoundedFile } from "./bounded-file.ts";

/** What a server proves who it is with, as PEM texts. */
export interface TlsIdentity {
  /** Its certificate, and those of the authorities in between. */
  readonly cert: string;
  readonly key: string;
  /** From when until when its own certificate is valid, in ms since 1970. */
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
export async function readTlsIdentity({ certFile, keyFile }: TlsFiles): Promise<TlsIdentity> {
  const cert = await readPem("--tls-cert", certFile);
  const key = await readPem("--tls-key", keyFile);
  const certificate = parseCertificates(cert, { flag: "--tls-cert", path: certFile });
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
export function cautionOf(
  { validFromMs, validToMs }: Pick<TlsIdentity, "validFromMs" | "validToMs">,
  nowMs: number,
): string | null {
  if (nowMs < validFromMs) {
    return "the certificate of --tls-cert is not valid yet: clients refuse it until then";
  }
  if (nowMs >= validToMs) return "the certificate of --tls-cert has expired: clients refuse it";
  return null;
}

/**
 * The first certificate of a PEM text; all of them are looked at, for Bun uses all of them.
 * @throws StartError naming the file that it is from, and its flag, when there is none or a bad one
 */
export function parseCertificates(
  text: string,
  { flag, path }: { readonly flag: string; readonly path: string },
): X509Certificate {
  try {
    const [first] = (text.match(pemCertificate) ?? []).map((pem) => new X509Certificate(pem));
    if (first !== undefined) return first;
  } catch (cause) {
    const remedy = "get it from its authority again";
    throw new StartError(`${flag}: a certificate in ${path} is broken; ${remedy}`, { cause });
  }
  throw new StartError(
    `${flag}: ${path} holds no certificate in PEM form; give the file that begins with ` +
      "-----BEGIN CERTIFICATE-----",
  );
}

// --- internal ---

/** Also one whose end is missing, as in a file that is half written. */
const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g;

/** As PKCS #8 (RFC 5958) says that a passphrase is needed, and as OpenSSL did before. */
const encryptedKey = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

async function readPem(flag: string, path: string): Promise<string> {
  const bytes = await readBoundedFile({ path, flag, bytesMax: limits.tlsFileBytesMax });
  return new TextDecoder().decode(bytes);
}

/** What the parser says may hold something of the key: it is not passed on. */
function parseKey(text: string, file: string): KeyObject {
  if (encryptedKey.test(text)) {
    throw new StartError(
      `--tls-key: the key in ${file} is encrypted; write it without a passphrase, readable by ` +
        "this user alone",
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new StartError(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)
        ? `--tls-key: the key in ${file} is broken, or of a kind that cannot be used; take one ` +
            "for ECDSA on P-256 or P-384, or for RSA"
        : `--tls-key: ${file} holds no private key in PEM form; give the file that begins with ` +
            "-----BEGIN PRIVATE KEY-----",
    );
  }
}
