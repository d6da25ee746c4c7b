package signal

// Max is the highest signal number. Those from 34 to 64 are not used by
// anybody, the following ones are real-time signals.
const Max = 128

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 80

// infoAddress is where a siginfo_t has the address of a fault.
const infoAddress = 24
