import { RegistryClientError } from "../../src/client.ts";

/** What a call of the client failed with. @throws what else it gave or failed with */
export async function failureOf(call: Promise<unknown>): Promise<RegistryClientError> {
  const error = await call.then(
    (value) => new Error(`gave ${Bun.inspect(value)}`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RegistryClientError) return error;
  throw error;
}
