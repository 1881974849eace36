// Runs a command for which the kernel has no IPv6, as with `ipv6.disable=1`: every attempt to make
// such a socket fails with EAFNOSUPPORT. A filter of system calls does it, so it needs no rights.
import { dlopen, ptr } from "bun:ffi";

const addressFamilyInet6 = 10;
const socketCall = process.arch === "x64" ? 41 : 198;
const errorNumber = 97; // EAFNOSUPPORT

const loadWord = 0x20;
const jumpIfEqual = 0x15;
const giveBack = 0x06;
const allow = 0x7fff0000;
const fail = 0x00050000;

/** Operation, where to jump if true and if false (steps ahead), operand; seccomp(2), bpf(4). */
const filter = [
  [loadWord, 0, 0, 0], // the number of the system call
  [jumpIfEqual, 0, 3, socketCall],
  [loadWord, 0, 0, 16], // its first argument
  [jumpIfEqual, 0, 1, addressFamilyInet6],
  [giveBack, 0, 0, fail | errorNumber],
  [giveBack, 0, 0, allow],
] as const;

const setNoNewPrivileges = 38;
const setSeccomp = 22;
const modeFilter = 2n;

const instructions = new Uint8Array(8 * filter.length);
const view = new DataView(instructions.buffer);
for (const [index, [operation, ifTrue, ifFalse, operand]] of filter.entries()) {
  view.setUint16(8 * index, operation, true);
  view.setUint8(8 * index + 2, ifTrue);
  view.setUint8(8 * index + 3, ifFalse);
  view.setUint32(8 * index + 4, operand, true);
}
const program = new DataView(new ArrayBuffer(16));
program.setUint16(0, filter.length, true);
program.setBigUint64(8, BigInt(ptr(instructions)), true);

const { symbols } = dlopen("libc.so.6", {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
});
const results = [
  symbols.prctl(setNoNewPrivileges, 1n, 0n, 0n, 0n),
  symbols.prctl(setSeccomp, modeFilter, BigInt(ptr(program)), 0n, 0n),
];
if (results.some((result) => result !== 0)) throw new Error("the kernel takes no filter");

const [command = "", ...words] = process.argv.slice(2);
process.execve?.(command, [command, ...words], process.env);
