/** The blob of which all examples of the document tell, as README does. A test hashes it. */
export const exampleBlob = {
  text: "hello mycelium\n",
  hash: "24c83c96c8ffda4f4848b2bedf2800a046f53e745f00f7eae3d6b6e3b49820ed",
  sha256: "sha-256=:0WK3/qGvCChBHvyM7hOvZLstyezh3M+Z04bsE8RMoyc=:",
  bytesTotal: 15,
} as const;

/** A key that names no blob: the first digits of no hash that anybody has found. */
export const unknownKeyExample = "0".repeat(32);

/** What no bytes hash to, by the specification of BLAKE3. */
export const emptyHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
