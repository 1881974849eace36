/** A WebAssembly file imported `with { type: "file" }`: where it is, in a compiled binary too. */
declare module "*.wasm" {
  const path: string;
  export default path;
}
