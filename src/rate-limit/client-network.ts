/**
 * What limits count as one client: an IPv4 address, or the /64 of an IPv6 address, which is what
 * one household or one machine has for itself. An IPv4 address mapped into IPv6 counts as what it
 * is; what is no address counts as itself.
 */
export function clientNetworkOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [front = "", back] = address.toLowerCase().split("%")[0]?.split("::") ?? [];
  const head = front === "" ? [] : front.split(":");
  const tail = (back ?? "") === "" ? [] : (back ?? "").split(":");
  // What `::` stands for, if it is there at all.
  const zeros = back === undefined ? 0 : Math.max(0, groupsOfAddress - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...tail].slice(0, groupsOfNetwork);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}

// --- internal ---

const groupsOfAddress = 8;
const groupsOfNetwork = 4;
