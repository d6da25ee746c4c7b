// SPDX-License-Identifier: ISC

package calls

// Version is the version of the protocol: clients ask for it by version/0. It stays while what they
// see on the wire is what it was in the C program of that version. The package has a version of its
// own, Release.
const Version = "1.0.1"

// About tells the two apart.
const About = "alcove " + Release + " (Go), protocol " + Version + "\n"

// version answers version/0.
func (c *Calls) version() { c.reply.BinaryString(Version) }
