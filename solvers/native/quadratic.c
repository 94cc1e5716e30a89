/* Sweeps over cells with quadratic velocity (10 dofs) and linear pressure (4); what they compute
   is said in solvers/schemes/plain.py, which does the same with arrays. Integrals are products of
   reference tensors with cell vectors. */
#include "block.h"

#define DOFS 10
#define PLACES 30 /* velocity components in reference directions: (dof, direction) */
#define METRIC 6  /* the symmetric metric J⁻¹J⁻ᵀ */

static inline void vectors(v8 x[DOFS][3], const double *u, const i32 *dofs, i64 c, i64 nc)
{
    for (int k = 0; k < DOFS; k++)
        for (int b = 0; b < WIDTH; b++) {
            const double *here = u + 3 * dof(dofs, DOFS, c, nc, k, b);
            x[k][0][b] = here[0];
            x[k][1][b] = here[1];
            x[k][2][b] = here[2];
        }
}

static inline void pressure_slope(v8 out[3], const double *p, const i32 *corners, i64 c, i64 nc,
                                  v8 g[3][3])
{
    v8 q[4];
    for (int k = 0; k < 4; k++) q[k] = gather(p, 1, 0, corners, 4, c, nc, k);
    slope(out, q, g);
}

static inline void mean_of(v8 mean[3], v8 x[DOFS][3], const double *weights)
{
    for (int i = 0; i < 3; i++) {
        mean[i] = weights[0] * x[0][i];
        for (int k = 1; k < DOFS; k++) mean[i] += weights[k] * x[k][i];
    }
}

/* shear rate at the middle of each cell; `middle` (3, 10): derivatives of the basis there */
void quadratic_ahead(i64 nc, const i32 *dofs, const double *gradients, const double *middle,
                     const double *u, double *shear)
{
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[DOFS][3], du[3][3], sum = all(0.0);
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        for (int i = 0; i < 3; i++) {
            v8 local[3];
            for (int k = 0; k < 3; k++) {
                local[k] = all(0.0);
                for (int n = 0; n < DOFS; n++) local[k] += middle[DOFS * k + n] * x[n][i];
            }
            for (int j = 0; j < 3; j++)
                du[i][j] = local[0] * g[0][j] + local[1] * g[1][j] + local[2] * g[2][j];
        }
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                v8 strain = du[i][j] + du[j][i];
                sum += strain * strain;
            }
        store(shear, c, nc, root(0.5 * sum));
    }
}

/* momentum matrix (added to `data`), right-hand side (added), and α by cell.
   `tensor` (100, 36): convection (30 columns) and stiffness (6); `mass` (10, 10), `ones` (10) and
   `weights` (10) on the reference cell */
void quadratic_momentum(i64 nc, const i32 *dofs, const i32 *corners, const i32 *places,
                        const double *gradients, const double *volume, const double *mobility,
                        const double *theta, const double *tensor, const double *mass, const double *ones,
                        const double *middle, const double *u, const double *history,
                        const double *p, const double *thickness, const double *viscosity,
                        const double *push, const double *carried, const double *numbers,
                        double *data, double *rhs)
{
    const double density = numbers[0], clear = numbers[1];
    const int columns = thickness ? PLACES + METRIC : PLACES;
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[DOFS][3], h[DOFS][3], dp[3], force[3], local[PLACES + METRIC];
        v8 entry[DOFS * DOFS];
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        v8 V = load(volume, c, nc), jacobian = 6.0 * V, share = density * jacobian;
        for (int n = 0; n < DOFS; n++)
            for (int k = 0; k < 3; k++)
                local[3 * n + k] = share * (x[n][0] * g[k][0] + x[n][1] * g[k][1]
                                            + x[n][2] * g[k][2]);
        pressure_slope(dp, p, corners, c, nc, g);
        v8 m = load_or(mobility, clear, c, nc), dt[3];
        pressure_slope(dt, push, corners, c, nc, g);
        for (int i = 0; i < 3; i++) force[i] = m * dt[i] + dp[i];
        if (carried) {
            v8 taken = load(theta, c, nc);
            pressure_slope(dt, carried, corners, c, nc, g);
            for (int i = 0; i < 3; i++) force[i] += taken * (m * dt[i] - dp[i]);
        }
        if (thickness) {
            v8 thick = load(viscosity, c, nc) * jacobian;
            static const int row[METRIC] = {0, 1, 2, 0, 0, 1}, column[METRIC] = {0, 1, 2, 1, 2, 2};
            for (int s = 0; s < METRIC; s++)
                local[PLACES + s] = thick * (g[row[s]][0] * g[column[s]][0]
                                             + g[row[s]][1] * g[column[s]][1]
                                             + g[row[s]][2] * g[column[s]][2]);
            pressure_slope(dt, thickness, corners, c, nc, g);
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++) { /* ∂_i u_j ∂_j μ */
                    v8 along[3], du;
                    for (int k = 0; k < 3; k++) {
                        along[k] = all(0.0);
                        for (int n = 0; n < DOFS; n++) along[k] += middle[DOFS * k + n] * x[n][j];
                    }
                    du = along[0] * g[0][i] + along[1] * g[1][i] + along[2] * g[2][i];
                    force[i] -= du * dt[j];
                }
        }
        for (int ab = 0; ab < DOFS * DOFS; ab += 4) {
            const double *t = tensor + (i64)(PLACES + METRIC) * ab;
            v8 s0 = all(0.0), s1 = s0, s2 = s0, s3 = s0;
            for (int k = 0; k < columns; k++) {
                v8 y = local[k];
                s0 += t[k] * y;
                s1 += t[k + (PLACES + METRIC)] * y;
                s2 += t[k + 2 * (PLACES + METRIC)] * y;
                s3 += t[k + 3 * (PLACES + METRIC)] * y;
            }
            entry[ab] = s0;
            entry[ab + 1] = s1;
            entry[ab + 2] = s2;
            entry[ab + 3] = s3;
        }
        vectors(h, history, dofs, c, nc);
        v8 out[DOFS][3];
        for (int a = 0; a < DOFS; a++)
            for (int i = 0; i < 3; i++) {
                v8 s = -ones[a] * force[i];
                for (int n = 0; n < DOFS; n++) s += mass[DOFS * a + n] * h[n][i];
                out[a][i] = jacobian * s;
            }
        for (int b = 0, n = lanes(c, nc); b < n; b++) {
            const i32 *at = places + DOFS * DOFS * (c + b), *d = dofs + DOFS * (c + b);
            for (int ab = 0; ab < DOFS * DOFS; ab++) data[at[ab]] += entry[ab][b];
            for (int a = 0; a < DOFS; a++) {
                double *to = rhs + 3 * (i64)d[a];
                to[0] += out[a][0][b];
                to[1] += out[a][1][b];
                to[2] += out[a][2][b];
            }
        }
    }
}

/* sums (points, 2): the right-hand side of the pressure and ∫ q ∇·u; gives the largest |u|/h.
   `pairing` (4, 30): ∫ q ∂u on the reference cell */
double quadratic_lack(i64 nc, double clear, const i32 *dofs, const i32 *corners, const double *gradients,
                      const double *volume, const double *size, const double *mobility,
                      const double *theta, const double *pairing, const double *weights,
                      const double *u, const double *p, const double *start, double *sums)
{
    double fastest = 0.0;
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[DOFS][3], dp[3], ds[3], lack[3], local[PLACES], mean[3];
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        pressure_slope(dp, p, corners, c, nc, g);
        pressure_slope(ds, start, corners, c, nc, g);
        v8 V = load(volume, c, nc), kept = 1.0 - load_or(theta, 0.0, c, nc);
        v8 share = load_or(mobility, clear, c, nc) * V, jacobian = 6.0 * V;
        for (int i = 0; i < 3; i++) {
            lack[i] = share * (kept * dp[i] - ds[i]);
        }
        for (int n = 0; n < DOFS; n++)
            for (int k = 0; k < 3; k++)
                local[3 * n + k] = x[n][0] * g[k][0] + x[n][1] * g[k][1] + x[n][2] * g[k][2];
        v8 along[4], spread[4];
        for (int a = 0; a < 4; a++) {
            v8 s = all(0.0);
            for (int k = 0; k < PLACES; k++) s += pairing[PLACES * a + k] * local[k];
            spread[a] = jacobian * s;
            along[a] = -spread[a];
        }
        for (int i = 0; i < 3; i++) {
            along[0] -= lack[i] * (g[0][i] + g[1][i] + g[2][i]);
            for (int k = 0; k < 3; k++) along[k + 1] += lack[i] * g[k][i];
        }
        mean_of(mean, x, weights);
        v8 pace = root(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2])
                  / load(size, c, nc);
        for (int b = 0, n = lanes(c, nc); b < n; b++) {
            if (!(pace[b] <= fastest)) fastest = pace[b] > fastest ? pace[b] : INFINITY;
            for (int a = 0; a < 4; a++) {
                double *to = sums + 2 * (i64)corners[4 * (c + b) + a];
                to[0] += along[a][b];
                to[1] += spread[a][b];
            }
        }
    }
    return fastest;
}
