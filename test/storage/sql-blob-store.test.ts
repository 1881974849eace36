import { createCounters } from "../../src/domain/counters.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { blobStoreContract } from "../contract/blob-store.ts";
import { hashing } from "../support/blobs.ts";
import { databaseKinds } from "../support/databases.ts";

for (const { name, isHere, open } of databaseKinds) {
  if (!isHere) continue;
  blobStoreContract(`a store in ${name}`, async () => {
    const { database, remove } = await open();
    return { store: createSqlBlobStore(database), remove };
  });
  blobStoreContract(`a verified store in ${name}`, async () => {
    const { database, remove } = await open();
    const counters = createCounters();
    return { store: verified(createSqlBlobStore(database), { hashing, counters }), remove };
  });
}
