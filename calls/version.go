package calls

// Version is the version of the program. As far as it is that of a protocol,
// which clients ask for, it changes only together with the Erlang application.
const Version = "1.0.1"

// version answers version/0.
func (c *Calls) version() { c.reply.BinaryString(Version) }
