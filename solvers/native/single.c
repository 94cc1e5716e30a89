/* The Cholesky factor in single precision: half the memory, and half the time of a solve. */
#define SINGLE
#include "cholesky.c"
