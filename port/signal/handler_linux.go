package signal

// Max is the highest signal number.
const Max = 64

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 128
