/**
 * What limits count as one client: an IPv4 address, or the /64 of an IPv6 address, which is what
 * one household or one machine has for itself. An IPv4 address mapped into IPv6 counts as what it
 * is; what is no address counts as itself.
 */
export function clientNetworkOf(address: string): string {
  if (!address.includes(":")) return address;
  const groups = groupsOf(address);
  const isMapped = groups[5] === "ffff" && groups.slice(0, 5).every((group) => /^0+$/.test(group));
  if (isMapped) return dottedOf(groups[6] ?? "0", groups[7] ?? "0");
  return `${groups.slice(0, groupsOfNetwork).map(shortest).join(":")}::/64`;
}

// --- internal ---

const groupsOfAddress = 8;
const groupsOfNetwork = 4;

/** The groups of an IPv6 address (RFC 4291 section 2.2), in lower case. */
function groupsOf(address: string): readonly string[] {
  const [plain = ""] = address.toLowerCase().split("%");
  const [front = "", back] = (plain.includes(".") ? withoutDots(plain) : plain).split("::");
  const head = front === "" ? [] : front.split(":");
  if (back === undefined) return head;
  const tail = back === "" ? [] : back.split(":");
  while (head.length + tail.length < groupsOfAddress) head.push("0");
  return [...head, ...tail];
}

/** A group as RFC 5952 writes it, without zeros at its front. */
function shortest(group: string): string {
  return group.startsWith("0") ? group.replace(/^0+(?=.)/, "") : group;
}

/** With the two last groups that a dotted end stands for. */
function withoutDots(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}

function dottedOf(high: string, low: string): string {
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join(".");
}
