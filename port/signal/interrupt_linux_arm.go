// SPDX-License-Identifier: ISC

package signal

// callInstruction is the system call in interruptible, on machines whose
// instructions differ in length with the beginning of the next one.
const callInstruction = "\x00\x00\x00\xef"
