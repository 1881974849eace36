import { createDestinations } from "../../src/http/destinations.ts";

/** A registry whose hosts name no blobs, with no proxy in front. */
export const withoutNames = createDestinations({
  cdnDomain: null,
  isTrustedProxy: null,
  senderOf: () => null,
});
