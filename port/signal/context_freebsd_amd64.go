// SPDX-License-Identifier: ISC

package signal

// contextPC is where a ucontext_t has the instruction that a signal interrupted.
const contextPC = 176
