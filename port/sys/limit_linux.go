package sys

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = ^uint64(0)
