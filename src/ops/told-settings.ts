import type { FlagName } from "./flags.ts";
import { withoutSecrets } from "./redaction.ts";
import { serverFlags } from "./server-flags.ts";
import type { Settings } from "./settings.ts";

/** The value of every flag of the server that has one, as it would be typed, by who gave it. */
export interface ToldSettings {
  readonly flags: SettingTexts;
  readonly environment: SettingTexts;
  readonly defaults: SettingTexts;
}

/** Texts by flag, without the dashes. */
type SettingTexts = Readonly<Record<string, string>>;

/**
 * What the configuration is made of, for an operator to look over. Of a secret it is told that
 * there is one; a secret that was typed counts as the environment's, where it has been moved.
 */
export function tellSettings(settings: Settings): ToldSettings {
  const flags: Record<string, string> = {};
  const environment: Record<string, string> = {};
  const defaults: Record<string, string> = {};
  for (const flag of serverFlags) {
    const text = settings.text(flag.name);
    if (text === null || isIdle(settings, flag)) continue;
    const told = "isSecret" in flag ? "***" : withoutSecrets(text);
    const source = settings.sourceOf(flag.name);
    if (source === null) defaults[flag.name] = told;
    else if (source === `--${flag.name}`) flags[flag.name] = told;
    else environment[flag.name] = told;
  }
  return { flags, environment, defaults };
}

/**
 * What an operator should know who runs the registry so; one line each.
 * @param typedSecrets flags that held a secret on the command line
 */
export function cautionsOf(
  settings: ToldSettings,
  typedSecrets: readonly string[] = [],
): readonly string[] {
  const of = (name: FlagName): string | undefined => valueOf(settings, name);
  const cautions: string[] = [];
  const isOpen = of("upload-token-file") === undefined && of("read-only") !== "true";
  if (isOpen && !isLocal(of("host") ?? "")) {
    cautions.push(
      "everybody who can reach this port may upload; say who may with --upload-token-file, put a " +
        "proxy before it that decides, or listen on --host 127.0.0.1",
    );
  }
  if (typedSecrets.length > 0) {
    cautions.push(
      `the secret of --${typedSecrets.join(" and --")} stood on the command line, where ` +
        "everybody on this machine could see it for a moment; use --db-password-file, or the " +
        "credential db-password of systemd",
    );
  }
  const databaseHost = of("db-host"); // none where a URL, which is a secret, or a directory has it
  const isPlain = /^(?:disable|prefer)$/.test(of("db-tls") ?? "");
  if (databaseHost !== undefined && isPlain && !isLocal(databaseHost)) {
    cautions.push(
      "nobody proves that the database is the one that is meant, nor that the way to it is " +
        "encrypted; use --db-tls verify-full",
    );
  }
  if (/\/0+(?:,|$)/.test(of("trusted-proxy")?.replaceAll(" ", "") ?? "")) {
    cautions.push(
      "--trusted-proxy believes everybody, so anybody may say who they are and where they sent a " +
        "request; name your proxies only",
    );
  }
  return cautions;
}

// --- internal ---

/** Whether a flag has no meaning beside those that were given: PostgreSQL's, without one. */
function isIdle(settings: Settings, { name, group }: (typeof serverFlags)[number]): boolean {
  if (group !== "Database" || name === "db-timeout" || settings.sourceOf(name) !== null) {
    return false;
  }
  const isByUrl = settings.sourceOf("db-url") !== null;
  const isNamed = name === "db-host" || name === "db-port" || name === "db-name";
  return settings.sourceOf("embedded") !== null || (isByUrl && isNamed);
}

function valueOf({ flags, environment, defaults }: ToldSettings, name: FlagName) {
  return flags[name] ?? environment[name] ?? defaults[name];
}

/** This machine, or the directory of a Unix socket. */
function isLocal(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|\/.*)$/i.test(host);
}
