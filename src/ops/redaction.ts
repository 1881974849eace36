/**
 * `text` without what is secret in it: user and password of URLs (connection strings), values
 * called password or secret, tokens of bearers. Rather too much than too little.
 */
export function withoutSecrets(text: string): string {
  const plain = text.replace(namedSecret, "$1***").replace(bearerToken, "$1***");
  const userEnd = plain.lastIndexOf("@") + 1;
  return plain.slice(0, userEnd).replace(urlUser, "//***@") + plain.slice(userEnd);
}

/** Whether what has this name is secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

// --- internal ---

const secretName = /^(?:pass(?:word|wd|phrase)?|pwd|secret|token|authorization)$/i;
const namedSecret =
  /(\b(?:pass(?:word|wd|phrase)|pwd|secret)["']?\s?[=:]\s?)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)/gi;
/** As Authorization has it (RFC 6750 section 2.1). */
const bearerToken = /\b(bearer )[A-Za-z0-9._~+/-]{8,}=*/gi;
/** Up to the last @: a password may hold one, and slashes, where nobody has encoded it. */
const urlUser = /(?<!\/)\/\/[^\s"'<>]*@/g;
