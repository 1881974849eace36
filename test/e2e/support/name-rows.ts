import { vectors } from "../../support/vectors.ts";
import type { HostRequest } from "./named-hosts.ts";

/** What is asked of hosts below a domain, and of others, and what comes of it. */

export const domain = "cdn.test";
export const proxy = "127.0.0.2";
export const apiPath = "/api/v1/metadata";

/** A blob of the existing uploader; its labels as other programs compute them. */
export const data = vectors.find(({ name }) => name === "v010")?.data ?? new Uint8Array();
export const content = Buffer.from(data).toString("latin1");
const digits = "69ad1bfe3cb50155a6b95a24748d4398e52896935c328afce9a4a734748fd7f6";
export const label = "69ad1bfe3cb50155a6b95a24748d4398";
export const base32 = "ngwrx7r4wuavljvzlishjdkdtdssrfutlqziv7hjustti5ep273a";
export const named = `${label}.${domain}`;
export const blobPath = `${apiPath}/${digits}`;

/** Hosts that name the blob. */
export const forms: [form: string, host: string][] = [
  ["32 digits", named],
  ["32 digits in upper case", named.toUpperCase()],
  ["32 digits, with a port", `${named}:8080`],
  ["32 digits, with a dot at the end", `${named}.`],
  ["32 digits, with a dot and a port", `${named}.:80`],
  ["base32", `${base32}.${domain}`],
  ["base32 in upper case, with a port", `${base32}.${domain}:8080`.toUpperCase()],
  ["base32, with a dot at the end", `${base32}.${domain}.`],
];

/** What may be asked of a blob. */
export const questions: [what: string, status: number, asked: Partial<HostRequest>][] = [
  ["GET", 200, {}],
  ["HEAD", 200, { method: "HEAD" }],
  ["GET of what one has", 304, { fields: [`If-None-Match: "${digits}"`] }],
  ["HEAD of what one has", 304, { method: "HEAD", fields: ["If-None-Match: *"] }],
  ["GET of something else", 412, { fields: ['If-Match: "x"'] }],
  ["GET of a part", 206, { fields: ["Range: bytes=2-5"] }],
  ["GET of the end", 206, { fields: ["Range: bytes=-4"] }],
  ["GET of nothing of it", 416, { fields: [`Range: bytes=${data.length}-`] }],
  ["GET of a part of another", 200, { fields: ["Range: bytes=2-5", 'If-Range: "x"'] }],
  ["GET with a digest", 200, { fields: ["Want-Repr-Digest: sha-256=1"] }],
  ["GET in HTTP/1.0", 200, { version: "1.0" }],
];

const bothForms =
  "first 32 hexadecimal digits .* base32 \\(RFC 4648, lower case, unpadded: 52 char";
const noLabel = new RegExp(`^400 invalid_label: .*${bothForms}`);
const tooLong = new RegExp(`^400 invalid_label: 64 .* 63 octets .*${bothForms}`);
const notFound = /^404 not_found: /;
export const noRoute = /^404 route_not_found: /;

type Refusal = [what: string, label: string, asked: Partial<HostRequest>, why: RegExp];

const paths = [apiPath, `${apiPath}/exists`, "/healthz", "/readyz", "/swagger", "/x", "//"];

/** What gets no blob. */
export const refusals: readonly Refusal[] = [
  ["64 digits", digits, {}, tooLong],
  ["64 digits in upper case, with a key", digits.toUpperCase(), { target: "/?key=0" }, tooLong],
  ["31 digits", label.slice(1), {}, noLabel],
  ["33 digits", `${label}e`, {}, noLabel],
  ["a digit that is none", `${label.slice(1)}g`, {}, noLabel],
  ["51 characters", base32.slice(1), {}, noLabel],
  ["53 characters", `${base32}a`, {}, noLabel],
  ["a character that is none", `1${base32.slice(1)}`, {}, noLabel],
  ["a spare bit that is set", base32.replace(/a$/, "b"), {}, noLabel],
  ["a word", "www", {}, noLabel],
  ["a name of ACME", "_acme-challenge", {}, noLabel],
  ["a label before the label", `a.${label}`, {}, noLabel],
  ["a label behind the label", `${label}.a`, {}, noLabel],
  ["a dot behind the label", `${label}.`, {}, noLabel],
  ["unknown digits", "0".repeat(32), {}, notFound],
  ["unknown digits, of which a part is asked", "0".repeat(32), { fields: ["Range: a"] }, notFound],
  ["unknown base32", "a".repeat(52), {}, notFound],
  ...paths.map((target): Refusal => [target, label, { target }, noRoute]),
  ["the path of the blob", label, { target: blobPath }, noRoute],
  ["an upload", label, { target: apiPath, method: "POST", body: "x" }, noRoute],
  ["OPTIONS of another path", label, { target: "/healthz", method: "OPTIONS" }, noRoute],
  ["another path of a word", "www", { target: "/healthz" }, noRoute],
];

/** What proxies say of a request to a host, and what comes of GET / if they are trusted. */
export const forwarded: [outcome: string, fields: readonly string[], host?: string][] = [
  ["blob", [`X-Forwarded-Host: ${named}`]],
  ["blob", [`X-Forwarded-Host: ${named.toUpperCase()}.`]],
  ["blob", [`X-Forwarded-Host: ${named}:443`, "X-Forwarded-Proto: https"]],
  ["blob", [`X-Forwarded-Host: www.${domain}, ${named}`]],
  ["page", [`X-Forwarded-Host: ${named}, a.example`]],
  ["page", ["X-Forwarded-Host: a.example"], named],
  ["invalid_label", [`X-Forwarded-Host: www.${domain}`], named],
  ["invalid_host", ["X-Forwarded-Host: a b"]],
  ["blob", [`Forwarded: host=${named}`]],
  ["blob", [`Forwarded: for=192.0.2.7;host="${named}:443";proto=https`]],
  ["blob", [`Forwarded: HOST=a.example, for=192.0.2.7; Host=${named}`]],
  ["page", [`Forwarded: host=${named}, for=192.0.2.7;host=a.example`]],
  ["blob", [`Forwarded: host=${named}, for="${proxy}:4711";host=a.example`]],
  ["page", ["Forwarded: host=a.example", `X-Forwarded-Host: ${named}`]],
  ["blob", ["Forwarded: for=192.0.2.7", `X-Forwarded-Host: ${named}`]],
  ["invalid_host", ['Forwarded: host="a,b"']],
];

/** How an upload's url begins and ends that was sent so. */
export const urls: [
  scheme: string,
  port: string,
  asked: Partial<HostRequest> & { host: string | null },
][] = [
  ["http", "", { host: domain }],
  ["http", ":8080", { host: `${domain.toUpperCase()}.:8080` }],
  ["http", ":8080", { host: "127.0.0.1:8080" }],
  ["http", "", { host: null, version: "1.0" }],
  ["http", "", { host: "a", fields: ["X-Forwarded-Proto: https"] }],
  ["https", "", { host: "a", fields: ["X-Forwarded-Proto: https"], from: proxy }],
  ["https", ":4", { host: "a:1", fields: ['Forwarded: host="b:4";proto=HTTPS'], from: proxy }],
  ["http", ":1", { host: "a:1", fields: ["Forwarded: proto=ftp"], from: proxy }],
];

export const uploads: [method: string, asked: Partial<HostRequest>][] = [
  ["PUT", { method: "PUT", target: blobPath, body: content }],
  [
    "POST",
    {
      method: "POST",
      target: apiPath,
      fields: ["Content-Type: multipart/form-data; boundary=b"],
      body: `--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n${content}\r\n--b--\r\n`,
    },
  ],
];

/** Hosts that are not below the domain; null: none. */
export const apiHosts: readonly (string | null)[] = [
  domain,
  `${domain.toUpperCase()}:80`,
  `${domain}.`,
  `x${domain}`,
  `${named}.example`,
  // Elysia would look for the path behind the eleventh character of the URL.
  "x",
  "xy",
  "xyz",
  "x:1",
  "xy:8",
  "[::1]",
  "[::1]:8080",
  "127.0.0.1:8080",
  "",
  null,
];

/** What is no host. */
export const badHosts: [what: string, host: string][] = [
  ["a comma", `${domain},${named}`],
  ["a comma and a blank", `${named}, ${domain}`],
  ["another one", `${domain}\r\nHost: ${named}`],
  ["the same again", `${named}\r\nHost: ${named}`],
  ["no label", `.${domain}`],
  ["a user", `a@${named}`],
  ["a path", `${named}/x`],
  ["a port that is none", `${named}:x`],
];

/** Origins of pages, and the host that they are of as a proxy says it. */
export const ownOrigins: [origin: string, host: string][] = [
  [`https://${domain}`, domain],
  // Browsers leave the usual port out; proxies may write it.
  [`https://${domain}`, `${domain}:443`],
  [`http://${domain}`, `${domain}:80`],
  [`http://${domain}:8080`, `${domain}.:8080`],
  [`https://${domain}.`, domain],
];

/** What no page of the domain has for its origin. */
export const foreignOrigins = [
  "null",
  domain,
  `ftp://${domain}`,
  `http://${domain}:81`,
  `https://${domain}:80`,
  `http://${named}`,
  `http://${domain}.example`,
  `http://x@${domain}`,
  "",
];
