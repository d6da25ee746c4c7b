package sys

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = RLIM_INFINITY
