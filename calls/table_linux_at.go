//go:build linux && (arm64 || riscv64)

// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

var linkCall = call{trap: sys.SYS_LINKAT, read: readers{here, path, here, path, nothing}, reply: ok}
