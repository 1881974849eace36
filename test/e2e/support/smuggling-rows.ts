/** A request that two who read it might see end in different places (RFC 9112 section 11.2). */
export interface SmugglingRow {
  readonly name: string;
  /** All of it, as it is sent in one go. */
  readonly text: string;
}

const host = "Host: registry.test\r\n";
/** What an attacker would have the registry take for the request of somebody else. */
const hidden = `GET /hidden HTTP/1.1\r\n${host}X-Rest: `;
const chunkedHidden = `0\r\n\r\n${hidden}`;

function post(fields: string, body: string): string {
  return `POST /api/v1/metadata HTTP/1.1\r\n${host}${fields}\r\n${body}`;
}

function get(fields: string, rest = ""): string {
  return `GET /healthz HTTP/1.1\r\n${host}${fields}\r\n${rest}`;
}

const length = (bytes: number | string): string => `Content-Length: ${bytes}\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";
const all = hidden.length;

/** The classes of smuggling that are known, each in the forms that somebody once fell for. */
export const smugglingRows: readonly SmugglingRow[] = [
  // both lengths
  row("Content-Length, then chunked", post(length(chunkedHidden.length) + chunked, chunkedHidden)),
  row("chunked, then Content-Length", post(chunked + length(4), `5c\r\n${hidden}\r\n0\r\n\r\n`)),
  row("both, in a GET", get(length(chunkedHidden.length) + chunked, chunkedHidden)),
  row("Content-Length 0 and chunked", post(length(0) + chunked, chunkedHidden)),
  // Content-Length
  row("two different Content-Length", post(length(0) + length(all), hidden)),
  row("two different, the other way", post(length(all) + length(0), hidden)),
  row("two equal Content-Length", post(length(all) + length(all), hidden)),
  row("a list of Content-Length", post(length(`0, ${all}`), hidden)),
  row("a list of two equal", post(length(`${all}, ${all}`), hidden)),
  row("Content-Length with a plus", post(length(`+${all}`), hidden)),
  row("Content-Length below zero", post(length("-1"), hidden)),
  row("Content-Length in hexadecimal", post(length("0x10"), hidden)),
  row("Content-Length with a tail", post(length("0 1"), hidden)),
  row("Content-Length of 2^64", post(length("18446744073709551616"), hidden)),
  row("Content-Length with zeros", post(length(`000${all}`), hidden)),
  row("a blank before its colon", post(`Content-Length : ${all}\r\n`, hidden)),
  row("Content-Length behind a tab", post(`\tContent-Length: ${all}\r\n`, hidden)),
  row("Content_Length", post(`Content_Length: ${all}\r\n`, hidden)),
  row("a body of a GET", get(length(all), hidden)),
  row("a body of a HEAD", get(length(all), hidden).replace("GET", "HEAD")),
  // Transfer-Encoding
  row("chunked twice", post(chunked + chunked, chunkedHidden)),
  row("chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", chunkedHidden)),
  row("identity, chunked", post("Transfer-Encoding: identity, chunked\r\n", chunkedHidden)),
  row("xchunked", post(`${length(all)}Transfer-Encoding: xchunked\r\n`, hidden)),
  row("chunked in quotes", post('Transfer-Encoding: "chunked"\r\n', chunkedHidden)),
  row("chunked and an empty element", post("Transfer-Encoding: chunked,\r\n", chunkedHidden)),
  row("an empty element and chunked", post("Transfer-Encoding: ,chunked\r\n", chunkedHidden)),
  row("chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", chunkedHidden)),
  row("chunked behind 0xA0", post("Transfer-Encoding: \xa0chunked\r\n", chunkedHidden)),
  row("no Transfer-Encoding, but its field", post("Transfer-Encoding:\r\n", chunkedHidden)),
  row("CHUNKED", post("Transfer-Encoding: CHUNKED\r\n", chunkedHidden)),
  row("chunked behind a vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", chunkedHidden)),
  row("chunked behind a NUL", post("Transfer-Encoding: chunked\0\r\n", chunkedHidden)),
  row("Transfer-Encoding and a blank", post("Transfer-Encoding : chunked\r\n", chunkedHidden)),
  row("Transfer_Encoding", post(`${length(all)}Transfer_Encoding: chunked\r\n`, hidden)),
  row("chunked in HTTP/1.0", post(chunked, chunkedHidden).replace("HTTP/1.1", "HTTP/1.0")),
  // line ends and folding
  row("a bare LF in a field", post(`X: y\nTransfer-Encoding: chunked\r\n${length(all)}`, hidden)),
  row("bare LFs throughout", post(length(all), hidden).replaceAll("\r\n", "\n")),
  row("a bare CR in a field", post(`X: y\rTransfer-Encoding: chunked\r\n${length(all)}`, hidden)),
  row("a bare LF for the empty line", get("X: y\r\n\n", hidden)),
  row("a folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", chunkedHidden)),
  row("a folded field", post(`X: y\r\n z\r\n${length(all)}`, hidden)),
  row("a field that begins folded", get(` X: y\r\n`)),
  row("a NUL in a field", get("X: a\0b\r\n")),
  row("no colon", get("Content-Length\r\n")),
  // chunks
  row("a chunk extension", post(chunked, "5;a=b\r\nbytes\r\n0\r\n\r\n")),
  row("a chunk extension with a bare LF", post(chunked, `5;a\nbytes\r\n${chunkedHidden}`)),
  row("a chunk extension with blanks", post(chunked, "5 ; a = b\r\nbytes\r\n0\r\n\r\n")),
  row(
    "a chunk extension of 20 KiB",
    post(chunked, `5;${"a".repeat(20_480)}\r\nbytes\r\n0\r\n\r\n`),
  ),
  row(
    "100 chunk extensions of 1 KiB",
    post(chunked, `${`1;${"a".repeat(1024)}\r\nx\r\n`.repeat(100)}0\r\n\r\n`),
  ),
  row("a chunk size with blanks", post(chunked, `5 \r\nbytes\r\n${chunkedHidden}`)),
  row("a chunk size with an underscore", post(chunked, `5_\r\nbytes\r\n${chunkedHidden}`)),
  row("a chunk size with a sign", post(chunked, `+5\r\nbytes\r\n${chunkedHidden}`)),
  row("a chunk size with 0x", post(chunked, `0x5\r\nbytes\r\n${chunkedHidden}`)),
  row(
    "a chunk size that overflows",
    post(chunked, `1000000000000000005\r\nbytes\r\n${chunkedHidden}`),
  ),
  row("a chunk longer than its size", post(chunked, `5\r\nbytesX${chunkedHidden}`)),
  row("a chunk ended by a bare LF", post(chunked, `5\r\nbytes\n${chunkedHidden}`)),
  row("chunk sizes ended by bare LFs", post(chunked, `5\nbytes\n0\n\n${hidden}`)),
  row(
    "trailer fields",
    post(chunked, `5\r\nbytes\r\n0\r\nContent-Length: ${all}\r\n\r\n${hidden}`),
  ),
  row("an end with one line end too few", post(chunked, `5\r\nbytes\r\n0\r\n${hidden}`)),
  // Expect, targets, hosts, versions
  row("Expect with a body", post(`Expect: 100-continue\r\n${length(all)}`, hidden)),
  row("Expect of something else", post(`Expect: 200-ok\r\n${length(all)}`, hidden)),
  row("Expect without a body", get("Expect: 100-continue\r\n", hidden)),
  row("Upgrade to h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", hidden)),
  row("two hosts", get("Host: other.test\r\n")),
  row("a host in the target", get("").replace("/healthz", "http://other.test/healthz")),
  row("a line end in the target", get("").replace("/healthz", "/healthz\nGET /hidden")),
  row("a blank in the target", get("").replace("/healthz", "/healthz HTTP/1.1 /hidden")),
  row("HTTP/1.2", get("", hidden).replace("HTTP/1.1", "HTTP/1.2")),
  row("HTTP/0.9", "GET /healthz\r\n"),
  row("a blank line first", `\r\n${get("")}`),
  row("a request behind a request", `${get("")}${get("").replace("healthz", "livez")}`),
];

// --- internal ---

function row(name: string, text: string): SmugglingRow {
  return { name, text };
}
