/* Sparse rows against three interleaved columns, and the vector work of BiCGStab on them. */
#include <stdint.h>

typedef int64_t i64;
typedef int32_t i32;

/* position of every (cell, a, b) among the entries of sorted rows */
void find_places(i64 nc, i64 n, const i32 *dofs, const i64 *starts, const i32 *columns, i32 *places)
{
    for (i64 c = 0; c < nc; c++)
        for (i64 a = 0; a < n; a++) {
            i32 row = dofs[c * n + a];
            for (i64 b = 0; b < n; b++) {
                i32 wanted = dofs[c * n + b];
                i64 low = starts[row], high = starts[row + 1];
                while (low < high) {
                    i64 middle = (low + high) / 2;
                    if (columns[middle] < wanted) low = middle + 1; else high = middle;
                }
                places[(c * n + a) * n + b] = (i32)low;
            }
        }
}

/* y ← scale (b − A x) by row; gives y·y */
double residual(i64 n, const i64 *starts, const i32 *columns, const double *a, const double *scale,
                const double *b, const double *restrict x, double *restrict y)
{
    double square = 0.0;
    for (i64 r = 0; r < n; r++) {
        double s0 = b[3 * r], s1 = b[3 * r + 1], s2 = b[3 * r + 2];
        for (i64 k = starts[r]; k < starts[r + 1]; k++) {
            const double v = a[k], *z = x + 3 * (i64)columns[k];
            s0 -= v * z[0];
            s1 -= v * z[1];
            s2 -= v * z[2];
        }
        s0 *= scale[r];
        s1 *= scale[r];
        s2 *= scale[r];
        y[3 * r] = s0;
        y[3 * r + 1] = s1;
        y[3 * r + 2] = s2;
        square += s0 * s0 + s1 * s1 + s2 * s2;
    }
    return square;
}

/* y ← scale A x; out: y·y, y·s */
void product(i64 n, const i64 *starts, const i32 *columns, const double *a, const double *scale,
             const double *restrict x, const double *s, double *restrict y, double *out)
{
    double square = 0.0, along = 0.0;
    for (i64 r = 0; r < n; r++) {
        double s0 = 0.0, s1 = 0.0, s2 = 0.0;
        for (i64 k = starts[r]; k < starts[r + 1]; k++) {
            const double v = a[k], *z = x + 3 * (i64)columns[k];
            s0 += v * z[0];
            s1 += v * z[1];
            s2 += v * z[2];
        }
        s0 *= scale[r];
        s1 *= scale[r];
        s2 *= scale[r];
        y[3 * r] = s0;
        y[3 * r + 1] = s1;
        y[3 * r + 2] = s2;
        square += s0 * s0 + s1 * s1 + s2 * s2;
        along += s0 * s[3 * r] + s1 * s[3 * r + 1] + s2 * s[3 * r + 2];
    }
    out[0] = square;
    out[1] = along;
}

/* s ← r − α v */
void half_step(i64 n, double alpha, const double *restrict r, const double *restrict v,
               double *restrict s)
{
    for (i64 i = 0; i < n; i++) s[i] = r[i] - alpha * v[i];
}

/* x ← x + α p + ω s, r ← s − ω t; out: r·r, r·r₀ */
void full_step(i64 n, double alpha, double omega, const double *restrict p,
               const double *restrict s, const double *restrict t, const double *restrict r0,
               double *restrict x, double *restrict r, double *out)
{
    double square = 0.0, along = 0.0;
#pragma omp simd reduction(+ : square, along)
    for (i64 i = 0; i < n; i++) {
        x[i] += alpha * p[i] + omega * s[i];
        double z = s[i] - omega * t[i];
        r[i] = z;
        square += z * z;
        along += z * r0[i];
    }
    out[0] = square;
    out[1] = along;
}

/* p ← r + β (p − ω v) */
void turn(i64 n, double beta, double omega, const double *restrict r, const double *restrict v,
          double *restrict p)
{
    for (i64 i = 0; i < n; i++) p[i] = r[i] + beta * (p[i] - omega * v[i]);
}

/* kept ← rows of fixed dofs, which become identity rows; scale ← 1 / diagonal */
void finish_rows(i64 entries, const i32 *zero, double *kept, i64 ones, const i32 *one, i64 n,
                 const i32 *diagonal, double *a, double *scale)
{
    for (i64 i = 0; i < entries; i++) {
        kept[i] = a[zero[i]];
        a[zero[i]] = 0.0;
    }
    for (i64 i = 0; i < ones; i++) a[one[i]] = 1.0;
    for (i64 r = 0; r < n; r++) scale[r] = 1.0 / a[diagonal[r]];
}

/* mean ← mean + share (value − mean) */
void blend(i64 n, double share, const double *restrict value, double *restrict mean)
{
    for (i64 i = 0; i < n; i++) mean[i] += share * (value[i] - mean[i]);
}

/* out (cells, 3): weighted sums of the n dofs of each cell, less `less` (3, cells) if given */
void cell_means(i64 nc, i64 n, const i32 *dofs, const double *weights, const double *u,
                const double *less, double *out)
{
    for (i64 c = 0; c < nc; c++) {
        double s0 = 0.0, s1 = 0.0, s2 = 0.0;
        for (i64 a = 0; a < n; a++) {
            const double *x = u + 3 * (i64)dofs[c * n + a], w = weights[a];
            s0 += w * x[0];
            s1 += w * x[1];
            s2 += w * x[2];
        }
        out[3 * c] = less ? s0 - less[c] : s0;
        out[3 * c + 1] = less ? s1 - less[nc + c] : s1;
        out[3 * c + 2] = less ? s2 - less[2 * nc + c] : s2;
    }
}
