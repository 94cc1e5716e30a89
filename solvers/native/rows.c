/* Sparse rows against three interleaved columns, and the vector work of BiCGStab on them. */
#include <stdint.h>

typedef int64_t i64;
typedef int32_t i32;
typedef double v4 __attribute__((vector_size(32), aligned(8)));

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

/* adds cell matrices (n, cells) to the entries at their places (cells, n) */
void add_entries(i64 nc, i64 n, const i32 *places, const double *cells, double *entries)
{
    for (i64 c = 0; c < nc; c++)
        for (i64 k = 0; k < n; k++) entries[places[c * n + k]] += cells[k * nc + c];
}

/* the sum of a x over the entries k … end−1 of a row: four at a time, so that no sum waits for the
   one before. Vectors of four are loaded where three are meant; the last column may be the last of
   all, and is loaded by parts */
static inline v4 row_times(i64 k, i64 end, const i32 *columns, const double *a, const double *x)
{
    v4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (; k + 4 < end; k += 4) {
        s0 += a[k] * *(const v4 *)(x + 3 * (i64)columns[k]);
        s1 += a[k + 1] * *(const v4 *)(x + 3 * (i64)columns[k + 1]);
        s2 += a[k + 2] * *(const v4 *)(x + 3 * (i64)columns[k + 2]);
        s3 += a[k + 3] * *(const v4 *)(x + 3 * (i64)columns[k + 3]);
    }
    for (; k + 1 < end; k++) s0 += a[k] * *(const v4 *)(x + 3 * (i64)columns[k]);
    const double *z = x + 3 * (i64)columns[k];
    s1 += a[k] * (v4){z[0], z[1], z[2], 0.0};
    return (s0 + s1) + (s2 + s3);
}

/* y ← scale (b − A x) in the given rows; out: y·y, (scale b)·(scale b) */
void residual(i64 n, const i32 *rows, const i64 *starts, const i32 *columns, const double *a, const double *scale,
              const double *b, const double *restrict x, double *restrict y, double *out)
{
    double square = 0.0, size = 0.0;
    for (i64 k = 0; k < n; k++) {
        const i64 r = rows[k];
        const v4 s = row_times(starts[r], starts[r + 1], columns, a, x);
        for (int i = 0; i < 3; i++) {
            const double given = b[3 * r + i] * scale[r], left = given - s[i] * scale[r];
            y[3 * r + i] = left;
            square += left * left;
            size += given * given;
        }
    }
    out[0] = square;
    out[1] = size;
}

/* y ← scale A x in the given rows; out: y·y, y·s */
void product(i64 n, const i32 *rows, const i64 *starts, const i32 *columns, const double *a, const double *scale,
             const double *restrict x, const double *s, double *restrict y, double *out)
{
    double square = 0.0, along = 0.0;
    for (i64 k = 0; k < n; k++) {
        const i64 r = rows[k];
        const v4 found = scale[r] * row_times(starts[r], starts[r + 1], columns, a, x);
        for (int i = 0; i < 3; i++) {
            y[3 * r + i] = found[i];
            square += found[i] * found[i];
            along += found[i] * s[3 * r + i];
        }
    }
    out[0] = square;
    out[1] = along;
}

/* s ← r − α v; gives s·s */
double half_step(i64 n, double alpha, const double *restrict r, const double *restrict v,
                 double *restrict s)
{
    double square = 0.0;
#pragma omp simd reduction(+ : square)
    for (i64 i = 0; i < n; i++) {
        const double z = r[i] - alpha * v[i];
        s[i] = z;
        square += z * z;
    }
    return square;
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

/* what the next step sees from here: `ahead` 2u − u₁, `guess` 3u − 3u₁ + u₂, and its `history`
   now u + old u₁; u₁ and u₂ are the velocities before. Gives |guess − ahead|² and |u|² of the first
   `owned` values */
void look_ahead(i64 n, i64 owned, double now, double old, const double *restrict u,
                const double *restrict u1, const double *restrict u2, double *restrict ahead,
                double *restrict guess, double *restrict history, double *out)
{
    double apart = 0.0, size = 0.0;
#pragma omp simd reduction(+ : apart, size)
    for (i64 i = 0; i < n; i++) {
        const double step = u[i] - u1[i], bent = 2.0 * step - u[i] + u2[i];
        ahead[i] = u[i] + step;
        guess[i] = ahead[i] + bent;
        history[i] = now * u[i] + old * u1[i];
        apart += i < owned ? bent * bent : 0.0;
        size += i < owned ? u[i] * u[i] : 0.0;
    }
    out[0] = apart;
    out[1] = size;
}

/* scale ← 1 / diagonal in the given rows */
void find_scale(i64 n, const i32 *rows, const i32 *diagonal, const double *a, double *scale)
{
    for (i64 k = 0; k < n; k++) scale[rows[k]] = 1.0 / a[diagonal[rows[k]]];
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
