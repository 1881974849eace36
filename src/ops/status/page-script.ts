/**
 * The script of the page as browsers take it, from what is in `page/`. A macro: it runs while the
 * registry is built, or, from source, when the page is asked for first; the binary holds the text.
 * @throws Error when the script does not build
 */
export function buildPageScript(): string {
  const start = `${import.meta.dir}/page/start.ts`;
  const command = [process.execPath, "build", start, "--format=iife", "--minify"];
  const { success, stdout, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`the page's script does not build: ${stderr.toString()}`);
  return stdout.toString();
}
