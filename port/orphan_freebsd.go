package port

import "github.com/alcove-go/alcove/port/signal"

// Calls that sleep are not interrupted here when whoever started the process is
// gone: it ends when they return.

func (p *Process) askForSIGIO() {}

func (p *Process) hungUp() bool { return false }

// IdentityChanged does nothing.
func (p *Process) IdentityChanged() {}

// SIGIOTaken does nothing.
func (p *Process) SIGIOTaken(signal.Disposition) {}
