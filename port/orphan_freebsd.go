// SPDX-License-Identifier: ISC

package port

// Calls that sleep are not interrupted here when whoever started the process is
// gone: it ends when they return.

func (p *Process) askForSIGIO() {}

func (p *Process) hungUp() bool { return false }

func (p *Process) sigioSet(bool) {}

// IdentityChanged does nothing.
func (p *Process) IdentityChanged() {}
