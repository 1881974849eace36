import { chromium, type Browser } from "playwright-core";

const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome");

/** Whether there is a browser to test with; says so on stderr where there is none. */
export function hasChromium(what: string): boolean {
  if (executablePath !== null) return true;
  process.stderr.write(`no Chromium, so ${what} is NOT tested: apt-get install chromium\n`);
  return false;
}

/** Starts a browser that speaks with nobody but who is asked for, and finds any name here. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: executablePath ?? "",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP *.test 127.0.0.1",
    ],
  });
}
