import { spawnSync } from "bun";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const isRoot = process.getuid?.() === 0;
const checkout = join(import.meta.dir, "../../..");

/** Runs what follows in a network of its own, with the kernel's own settings; only root can. */
export const ownNetwork = ["unshare", "--net"];

/** Runs what follows where the checkout, its dependencies included, is an empty directory. */
export const withoutCheckout = [
  "unshare",
  "--mount",
  ...(isRoot ? [] : ["--map-root-user"]),
  "sh",
  "-c",
  'mount -t tmpfs none "$0" && exec "$@"',
  checkout,
];

/** Runs what follows where the kernel knows no IPv6. */
export const withoutIpv6 = [
  process.execPath,
  fileURLToPath(import.meta.resolve("./without-ipv6.ts")),
];

/** Whether this machine lets us do that: root in most containers, others where it is allowed. */
export const canHideCheckout = spawnSync([...withoutCheckout, "true"]).exitCode === 0;
