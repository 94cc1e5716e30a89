/* Eight cells at a time: vectors of eight doubles, and how cell and point values get in and out.
   Cell arrays are structures of arrays (component, cell); point vectors are interleaved (point, 3). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define WIDTH 8
typedef int64_t i64;
typedef int32_t i32;
typedef double v8 __attribute__((vector_size(64)));
typedef double v8_loose __attribute__((vector_size(64), aligned(8)));

static inline v8 all(double x) { return (v8){x, x, x, x, x, x, x, x}; }

/* values of cells c … c+7; lanes beyond the last cell hold the last cell's */
static inline v8 load(const double *values, i64 c, i64 count)
{
    if (c + WIDTH <= count) return *(const v8_loose *)(values + c);
    v8 x;
    for (int b = 0; b < WIDTH; b++) x[b] = values[c + b < count ? c + b : count - 1];
    return x;
}

/* the same; without values, one for all cells */
static inline v8 load_or(const double *values, double one, i64 c, i64 count)
{
    return values ? load(values, c, count) : all(one);
}

static inline void store(double *values, i64 c, i64 count, v8 x)
{
    if (c + WIDTH <= count) { *(v8_loose *)(values + c) = x; return; }
    for (int b = 0; c + b < count; b++) values[c + b] = x[b];
}

static inline v8 root(v8 x)
{
    v8 y;
    for (int b = 0; b < WIDTH; b++) y[b] = sqrt(x[b]);
    return y;
}

/* dof numbers of place k of eight cells, `n` dofs a cell */
static inline i64 dof(const i32 *dofs, int n, i64 c, i64 count, int k, int b)
{
    i64 cell = c + b < count ? c + b : count - 1;
    return dofs[n * cell + k];
}

static inline v8 gather(const double *x, int stride, int i, const i32 *dofs, int n, i64 c,
                        i64 count, int k)
{
    v8 y;
    for (int b = 0; b < WIDTH; b++) y[b] = x[stride * dof(dofs, n, c, count, k, b) + i];
    return y;
}

/* gradients of the barycentric coordinates 1, 2, 3: g[k][i], k from 0 */
static inline void slopes(v8 g[3][3], const double *gradients, i64 c, i64 count)
{
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 3; i++) g[k][i] = load(gradients + (3 * k + i) * count, c, count);
}

/* gradient of a piecewise linear field with corner values p */
static inline void slope(v8 out[3], const v8 p[4], v8 g[3][3])
{
    v8 a = p[1] - p[0], b = p[2] - p[0], d = p[3] - p[0];
    for (int i = 0; i < 3; i++) out[i] = a * g[0][i] + b * g[1][i] + d * g[2][i];
}

static inline int lanes(i64 c, i64 count) { return count - c < WIDTH ? (int)(count - c) : WIDTH; }
