/* Sweeps over cells with linear velocity and pressure; what they compute is said in
   solvers/schemes/plain.py, which does the same with arrays. */
#include "block.h"

static inline void vectors(v8 x[4][3], const double *u, const i32 *dofs, i64 c, i64 nc)
{
    for (int k = 0; k < 4; k++)
        for (int b = 0; b < WIDTH; b++) {
            const double *here = u + 3 * dof(dofs, 4, c, nc, k, b);
            x[k][0][b] = here[0];
            x[k][1][b] = here[1];
            x[k][2][b] = here[2];
        }
}

/* mean over the corners of three of the six columns of nodal averages, from `means` on */
static inline void average(v8 out[3], const double *means, const i32 *dofs, i64 c, i64 nc)
{
    for (int b = 0; b < WIDTH; b++) {
        const double *m[4];
        for (int k = 0; k < 4; k++) m[k] = means + 6 * dof(dofs, 4, c, nc, k, b);
        for (int i = 0; i < 3; i++)
            out[i][b] = 0.25 * ((m[0][i] + m[1][i]) + (m[2][i] + m[3][i]));
    }
}

static inline void scalars(v8 x[4], const double *p, const i32 *dofs, i64 c, i64 nc)
{
    for (int k = 0; k < 4; k++) x[k] = gather(p, 1, 0, dofs, 4, c, nc, k);
}

/* du[i][j] = ∂_j u_i */
static inline void velocity_gradient(v8 du[3][3], v8 u[4][3], v8 g[3][3])
{
    for (int i = 0; i < 3; i++) {
        v8 column[4] = {u[0][i], u[1][i], u[2][i], u[3][i]};
        slope(du[i], column, g);
    }
}

static inline void mean_of(v8 mean[3], v8 u[4][3])
{
    for (int i = 0; i < 3; i++) mean[i] = 0.25 * (u[0][i] + u[1][i] + u[2][i] + u[3][i]);
}

static inline v8 shear_of(v8 du[3][3])
{
    v8 sum = all(0.0);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            v8 strain = du[i][j] + du[j][i];
            sum += strain * strain;
        }
    return root(0.5 * sum);
}

/* sums (points, 6): V ū·∇ū_i and V o ∂_i p; shear rate (cells); either may be left out */
void linear_ahead(i64 nc, const i32 *dofs, const double *gradients, const double *volume,
                  const double *open, const double *u, const double *p, double *shear,
                  double *sums)
{
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[4][3], q[4], du[3][3], mean[3], dp[3], out[6];
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        velocity_gradient(du, x, g);
        if (shear) store(shear, c, nc, shear_of(du));
        if (!sums) continue;
        scalars(q, p, dofs, c, nc);
        mean_of(mean, x);
        slope(dp, q, g);
        v8 share = 0.25 * load(volume, c, nc), opened = share * load_or(open, 1.0, c, nc);
        for (int i = 0; i < 3; i++) {
            out[i] = share * (mean[0] * du[i][0] + mean[1] * du[i][1] + mean[2] * du[i][2]);
            out[3 + i] = opened * dp[i];
        }
        for (int b = 0, n = lanes(c, nc); b < n; b++)
            for (int k = 0; k < 4; k++) {
                double *to = sums + 6 * (i64)dofs[4 * (c + b) + k];
                for (int i = 0; i < 6; i++) to[i] += out[i][b];
            }
    }
}

/* sums (points): ¼ V s of each cell */
void linear_spread(i64 nc, const i32 *dofs, const double *volume, const double *cells,
                   double *sums)
{
    for (i64 c = 0; c < nc; c++) {
        double share = 0.25 * volume[c] * cells[c];
        for (int k = 0; k < 4; k++) sums[dofs[4 * c + k]] += share;
    }
}

/* The medium: mobility, drag, open and theta of each cell; none of them where there is no clot, and the
   mobility of all is `clear`. */

/* momentum matrix (added to `data` at `places`), right-hand side (added), and α by cell */
void linear_momentum(i64 nc, const i32 *dofs, const i32 *places, const double *gradients,
                     const double *volume, const double *size, const double *mobility,
                     const double *drag, const double *open, const double *theta,
                     const double *u, const double *history, const double *p,
                     const double *means, const double *thickness, const double *viscosity,
                     const double *push, const double *carried, const double *numbers,
                     double *data, double *rhs, double *alpha)
{
    const double density = numbers[0], constant = numbers[1], clear = numbers[2];
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[4][3], h[4][3], q[4], du[3][3], mean[3], dp[3], force[3], smooth[3];
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        vectors(h, history, dofs, c, nc);
        scalars(q, p, dofs, c, nc);
        mean_of(mean, x);
        slope(dp, q, g);
        v8 V = load(volume, c, nc), H = load(size, c, nc);
        v8 m = load_or(mobility, clear, c, nc);
        v8 mu = thickness ? load(viscosity, c, nc) : all(constant);
        v8 speed = root(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2]);
        v8 stiff = 4.0 * mu / (H * H);
        v8 rate = 8.0 * speed / H + (stiff + load_or(drag, 0.0, c, nc)) / density;
        v8 streamline = load_or(open, 1.0, c, nc) / rate * (density * V);
        store(alpha, c, nc, 1.0 / (1.0 + (stiff + 2.0 * density * speed / H) * m));
        v8 t[4], dt[3];
        scalars(t, push, dofs, c, nc);
        slope(dt, t, g);
        for (int i = 0; i < 3; i++) force[i] = m * dt[i] + dp[i];
        if (carried) {
            v8 taken = load(theta, c, nc);
            scalars(t, carried, dofs, c, nc);
            slope(dt, t, g);
            for (int i = 0; i < 3; i++) force[i] += taken * (m * dt[i] - dp[i]);
        }
        if (thickness) {
            scalars(t, thickness, dofs, c, nc);
            slope(dt, t, g);
            velocity_gradient(du, x, g);
            for (int i = 0; i < 3; i++)
                force[i] -= du[0][i] * dt[0] + du[1][i] * dt[1] + du[2][i] * dt[2];
        }
        average(smooth, means, dofs, c, nc);
        v8 b4[4][3], along[4], w[4][3], entry[4][4], out[4][3];
        for (int i = 0; i < 3; i++) {
            b4[0][i] = -(g[0][i] + g[1][i] + g[2][i]);
            for (int k = 0; k < 3; k++) b4[k + 1][i] = g[k][i];
        }
        v8 share = density * V * (1.0 / 20.0), thick = mu * V;
        for (int a = 0; a < 4; a++) {
            along[a] = streamline * (b4[a][0] * mean[0] + b4[a][1] * mean[1] + b4[a][2] * mean[2]);
            for (int i = 0; i < 3; i++) {
                w[a][i] = share * (x[a][i] + 4.0 * mean[i]) + along[a] * mean[i];
                if (thickness) w[a][i] += thick * b4[a][i];
            }
            entry[a][0] = all(0.0);
            for (int k = 1; k < 4; k++) {
                entry[a][k] = w[a][0] * b4[k][0] + w[a][1] * b4[k][1] + w[a][2] * b4[k][2];
                entry[a][0] -= entry[a][k];
            }
        }
        v8 twentieth = V * (1.0 / 20.0), quarter = 0.25 * V;
        for (int i = 0; i < 3; i++) {
            v8 total = h[0][i] + h[1][i] + h[2][i] + h[3][i];
            for (int a = 0; a < 4; a++)
                out[a][i] = twentieth * (total + h[a][i]) - quarter * force[i]
                            + along[a] * smooth[i];
        }
        for (int b = 0, n = lanes(c, nc); b < n; b++) {
            const i32 *at = places + 16 * (c + b), *d = dofs + 4 * (c + b);
            for (int a = 0; a < 4; a++) {
                for (int k = 0; k < 4; k++) data[at[4 * a + k]] += entry[a][k][b];
                double *to = rhs + 3 * (i64)d[a];
                to[0] += out[a][0][b];
                to[1] += out[a][1][b];
                to[2] += out[a][2][b];
            }
        }
    }
}

/* sums (points, 2): the right-hand side of the pressure and ∫ q ∇·u; gives the largest |u|/h */
double linear_lack(i64 nc, double clear, const i32 *dofs, const double *gradients, const double *volume,
                   const double *size, const double *mobility, const double *open,
                   const double *theta, const double *alpha, const double *u, const double *p,
                   const double *start, const double *means, double *sums)
{
    double fastest = 0.0;
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], x[4][3], q[4], s[4], du[3][3], mean[3], dp[3], ds[3], lack[3], smooth[3];
        slopes(g, gradients, c, nc);
        vectors(x, u, dofs, c, nc);
        scalars(q, p, dofs, c, nc);
        velocity_gradient(du, x, g);
        mean_of(mean, x);
        slope(dp, q, g);
        memcpy(ds, dp, sizeof ds);
        if (start != p) {
            scalars(s, start, dofs, c, nc);
            slope(ds, s, g);
        }
        v8 V = load(volume, c, nc), kept = 1.0 - load_or(theta, 0.0, c, nc);
        v8 weight = load_or(open, 1.0, c, nc) * load(alpha, c, nc);
        v8 share = load_or(mobility, clear, c, nc) * V;
        average(smooth, means + 3, dofs, c, nc);
        for (int i = 0; i < 3; i++)
            lack[i] = share * (kept * dp[i] + weight * (smooth[i] - dp[i]) - ds[i]);
        v8 spread = 0.25 * V * (du[0][0] + du[1][1] + du[2][2]);
        v8 along[4] = {-spread, -spread, -spread, -spread};
        for (int i = 0; i < 3; i++) {
            along[0] -= lack[i] * (g[0][i] + g[1][i] + g[2][i]);
            for (int k = 0; k < 3; k++) along[k + 1] += lack[i] * g[k][i];
        }
        v8 pace = root(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2])
                  / load(size, c, nc);
        for (int b = 0, n = lanes(c, nc); b < n; b++) {
            if (!(pace[b] <= fastest)) fastest = pace[b] > fastest ? pace[b] : INFINITY;
            for (int k = 0; k < 4; k++) {
                double *to = sums + 2 * (i64)dofs[4 * (c + b) + k];
                to[0] += along[k][b];
                to[1] += spread[b];
            }
        }
    }
    return fastest;
}

/* w ← m(∇p̃ − g) from the aim p̃, the pressure p before, and its averages; without averages g = (1−θ)∇p */
void linear_correction(i64 nc, double clear, const i32 *dofs, const double *gradients, const double *mobility,
                       const double *open, const double *theta, const double *alpha,
                       const double *aim, const double *p, const double *means, double *w)
{
    for (i64 c = 0; c < nc; c += WIDTH) {
        v8 g[3][3], q[4], dp[3], da[3], smooth[3];
        slopes(g, gradients, c, nc);
        scalars(q, p, dofs, c, nc);
        slope(dp, q, g);
        memcpy(smooth, dp, sizeof dp);
        if (means) average(smooth, means + 3, dofs, c, nc);
        scalars(q, aim, dofs, c, nc);
        slope(da, q, g);
        v8 m = load_or(mobility, clear, c, nc), kept = 1.0 - load_or(theta, 0.0, c, nc);
        v8 weight = means ? load_or(open, 1.0, c, nc) * load(alpha, c, nc) : all(0.0);
        for (int i = 0; i < 3; i++)
            store(w + i * nc, c, nc, m * (da[i] - kept * dp[i] - weight * (smooth[i] - dp[i])));
    }
}
