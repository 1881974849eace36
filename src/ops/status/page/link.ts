import { formatDuration } from "../format.ts";

/** How the page stands with the registry. */
export type Link = "silent" | "starting" | "stopping" | "up";

/** What is told of it; nothing where all is well. */
export const linkTexts: Readonly<Record<Link, string>> = {
  silent: "The registry does not answer. This page goes on once it does.",
  starting: "The registry is starting.",
  stopping: "The registry is stopping: it finishes what is under way.",
  up: "",
};

/** How long nothing was heard, once that is worth telling. */
export function describeSilence(link: Link, ms: number): string {
  return link === "silent" ? `No answer for ${formatDuration(ms / 1000)}.` : "";
}
