import { type BlobHash, parseBlobKey, toBlobHash } from "../../src/domain/blob-key.ts";
import type { Bytes } from "../../src/domain/bytes.ts";

/** A metadata blob as an uploader of old made it, and its hash as computed by other programs. */
export interface Vector {
  readonly name: string;
  readonly hash: BlobHash;
  readonly data: Bytes;
}

/**
 * What the three layouts of the Mycelium CDN make of one file, and of a directory that holds it,
 * with fixed nonces; made with programs of others, so that nothing of ours vouches for itself.
 */
export const vectors: readonly Vector[] = [
  toVector(
    "pre16",
    "2f71d3d398de676a225432b420f44f33b7385b2fff8560da3b5ad149a0081deb",
    "ae34a4b3cf45a93d1efb82b20f84feec03a57d2849bbc45b6494f02f37f676dfd902e47ab69da5ec44712f73ca9501a8c4f66f30ee25fc6a3284bac9b48e507ab1b25d222b3fe6908b3cb19f8ec1dc92578f531b5a311c9b3cfd54030b6f822c08669968a476fd468d60b032c47ab459137e29d7d14fc76e56c3ead7d6dee500f0c66379e7726c1e4f793f7bef3d64abe3955c00cea82c048bb7d9904921990568ea58ee9cfcfc9619ccf182b96b9cc1fe7a5913ff121b442eee026156e21ff16b6a2b1156e1f9e16a3ae2236e7a25e1eb2227a466a959216b3049e69d9ab9124161887a59fa2e9ffed4e7b5c5c702244cb06ebae432c05da676f417f5d5e9e2a2179f0df9ee1675d3cc2d9b9e394c9f0103468d4bfd1af6d594becf42d87f51d766f1b9685901cc62c650771687c743aca31e8ad3f20c0d0e0f1011121314151617",
  ),
  toVector(
    "v010",
    "69ad1bfe3cb50155a6b95a24748d4398e52896935c328afce9a4a734748fd7f6",
    "e84ddca1380275b3402e108532101d2fce2d027dcc7c0da90f7e633e481d5cbf344859adba7db4fec0deb6a3e45b2023ae952556a64fab65aeb8ca72478957057ca036d339ab4335607910529a2cf605381274165a7212e57de5ee9a2d6bab095455de612f4886f06e6a8d5da1216b8ebf1fa92e17530f559ab8e01cb890c7bbe90c8f9bba18a2f880baa39866daf9552cacd4eea0a05a482cd920d3966fb932188b9a7fa5e6b5aff3f76bf34f6017d1befc59d61ed09f16a532655737b3b2b34cd18d7bf4e7e5954b20e766868aa6de7df7a3a40d772e676d26f7859e03211234d6a2d27adfd54fb5341bd3a080bce88b32a6761663ccda81c173b52e2804694bb5e6c5765c0c0d0e0f1011121314151617",
  ),
  toVector(
    "hero",
    "18e5e411d74cd1cd40a7efb99f69466b680c1e38fbeee8d5c73358165a5e81cb",
    "9beae5f9be853813a9a72502c9b946d62eaeada4304d92a5991cce23c7213c3ee06e989310306f8ed4ccbb89f0e3bdc746a9f847a06be0978ca6b2cb8533520480dd64affdf8e81751fd67287563d3e03f79eb1c7464080823ead4470fa3333c8ead88ababd7882176db6c1561d1cfbe8dd4f7e97c3b18e204b830d16123879b8a4ec243a02173b18232807dba40d2949e282df3465b8298cdf85b597b5528de0fb357c7fd880da336648992ebd1c580fdd25a710da3553675a30b16995b44861d58f19dae9671ff09ba505b589d4021581ab3a2609c7986a1c48023d30c0d0e0f1011121314151617",
  ),
  toVector(
    "directory",
    "2c5737b385086103e4e13871c6f87580d252e3a1babcfc483e07d35c917f0007",
    "09cddff8d64d0388917592b53695a93defad6c7124ab3087c45410e40523eb61a02ca1710d26a47a906b7e6152669a58097e41c840164323f07a324b9b0be594f31640d85bf1130fa64a7db833f08218191a1b1c1d1e1f20212223",
  ),
];

// --- internal ---

function toVector(name: string, hash: string, data: string): Vector {
  return {
    name,
    hash: toBlobHash(parseBlobKey(hash)),
    data: new Uint8Array(Buffer.from(data, "hex")),
  };
}
