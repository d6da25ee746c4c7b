// SPDX-License-Identifier: ISC

package etf_test

import (
	"testing"

	"github.com/alcove-go/alcove/etf"
)

// The body of a call with an integer, an atom and a binary as arguments.
func BenchmarkDecodeCall(b *testing.B) {
	msg := unhex("83 68 03 62 00001000 77 07 7369677465726d 6d 00000008 2f62696e2f636174")
	atom := make([]byte, 0, 255)
	var d etf.Decoder
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(msg)
		d.Version()
		d.Tuple()
		d.Int()
		d.Atom(atom)
		d.Binary()
		if !d.OK() {
			b.Fatal("refused")
		}
	}
}

func BenchmarkDecodeIOList(b *testing.B) {
	for name, msg := range map[string][]byte{
		"path":              unhex("6d 00000008 2f62696e2f636174"),
		"4095-byte-binary":  unhex(zeroBinary(4095)),
		"4095-single-bytes": unhex("6c00000fff" + repeat("6100", 4095) + "6a"),
		"16-brackets":       unhex(wrap(16, "6161")),
	} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 4095)
			var d etf.Decoder
			b.ReportAllocs()
			for b.Loop() {
				d.Reset(msg)
				d.IOList(dst, 4095)
				if !d.OK() {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkSkip(b *testing.B) {
	msg := unhex(wrap(1000, "6161"))
	var d etf.Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		d.Reset(msg)
		d.Skip()
		if !d.OK() {
			b.Fatal("refused")
		}
	}
}

// The reply {ok, 4096, Binary}.
func BenchmarkEncodeReply(b *testing.B) {
	buf, data := make([]byte, 0, 1024), make([]byte, 100)
	var e etf.Encoder
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(buf)
		e.Version()
		e.Tuple(3)
		e.Atom("ok")
		e.Int(4096)
		e.Binary(data)
		if e.Full() {
			b.Fatal("full")
		}
	}
}

func BenchmarkEncodeInt(b *testing.B) {
	buf := make([]byte, 0, 16)
	var e etf.Encoder
	for name, v := range map[string]int64{"small": 5, "integer": 4096, "big": 1<<63 - 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Reset(buf)
				e.Int(v)
			}
		})
	}
}
