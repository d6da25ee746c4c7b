package calls

// Version is the version of the program. Clients ask for it as the version of
// the protocol, so it changes only together with the Erlang application.
const Version = "1.0.1"

// version answers version/0.
func (c *Calls) version() { c.reply.BinaryString(Version) }
