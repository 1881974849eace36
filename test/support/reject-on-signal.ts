// Preloaded into a registry by a test: on SIGUSR2 it fails as a bug of ours would, and nobody
// catches it.
process.on("SIGUSR2", () => {
  void Promise.reject(new Error("nobody caught this"));
});
