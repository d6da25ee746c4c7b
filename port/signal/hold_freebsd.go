package signal

import "github.com/alcove-go/alcove/port/sys"

// The handler blocks nothing here.

func Hold(on bool) (was bool) { return false }

func Held() (none sys.Sigset) { return none }

func Release(held sys.Sigset) {}
