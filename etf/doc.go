// SPDX-License-Identifier: ISC

// Package etf reads and writes terms in Erlang's external term format: tuples
// of integers, atoms, binaries and iolists. It is no API for others.
//
//   - A Decoder is a cursor over a message. It decodes in place and remembers
//     that something was refused, so that a caller reads five arguments in five
//     lines and asks once whether all of them were good.
//   - An Encoder appends to a buffer of the caller and never grows it. It
//     remembers that something did not fit.
//   - A Text shows terms to people in such a buffer.
//   - Nothing allocates, nothing recurses, and the work for a message is
//     proportional to its length, whatever lengths and counts it announces.
//   - Messages come from the outside: every sequence of bytes is either a term
//     or refused. None of them makes a method panic.
//
// Which encodings are accepted is narrower in places, and wider in others, than
// what Erlang itself accepts, because existing programs rely on the limits. The
// methods state them. The format is described in the Erlang documentation,
// "External Term Format" of ERTS.
package etf
