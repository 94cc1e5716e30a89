/* A sparse Cholesky factor that is kept, by CHOLMOD, with the unknowns of a border last: what the
   parts of a mesh share. Forward and backward substitution are apart, so that between them the
   parts can agree on the border. Factors are kept in double precision, or in single precision where
   `SINGLE` is defined (single.c); what goes in and out is double. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/cholmod.h>

#ifdef SINGLE
typedef float real;
#define KIND (CHOLMOD_REAL + CHOLMOD_SINGLE)
#else
typedef double real;
#define KIND CHOLMOD_REAL
#endif

typedef struct {
    cholmod_common common;
    cholmod_sparse *matrix;
    cholmod_factor *factor;
    cholmod_dense *right, *found, *y, *e;
    double *corner; /* L of the border, column by column */
    double *shift;   /* added to the border's diagonal: a part alone may be singular */
    int32_t size, border;
} Cholesky;

void cholesky_free(Cholesky *self)
{
    cholmod_common *c = &self->common;
    cholmod_free_sparse(&self->matrix, c);
    cholmod_free_factor(&self->factor, c);
    cholmod_free_dense(&self->right, c);
    cholmod_free_dense(&self->found, c);
    cholmod_free_dense(&self->y, c);
    cholmod_free_dense(&self->e, c);
    cholmod_finish(c);
    free(self->corner);
    free(self->shift);
    free(self);
}

/* fill-reducing order of the unknowns before the border, which follow in their order */
static int32_t *order(Cholesky *self)
{
    cholmod_common *c = &self->common;
    const int32_t inside = self->size - self->border;
    int32_t *whole = malloc((self->size + 1) * sizeof *whole), *set = malloc((inside + 1) * sizeof *set);
    if (!whole || !set) { free(whole); free(set); return NULL; }
    for (int32_t i = 0; i < inside; i++) set[i] = i;
    for (int32_t i = inside; i < self->size; i++) whole[i] = i;
    cholmod_sparse *full = cholmod_copy(self->matrix, 0, 0, c);
    cholmod_sparse *part = full ? cholmod_submatrix(full, set, inside, set, inside, 0, 1, c) : NULL;
    if (part) part->stype = 1;
    c->nmethods = 1; /* a vessel is long and thin: small separators */
    c->method[0].ordering = CHOLMOD_METIS;
    c->postorder = 1;
    c->supernodal = CHOLMOD_SUPERNODAL;
    cholmod_factor *analysed = part ? cholmod_analyze(part, c) : NULL;
    if (analysed) memcpy(whole, analysed->Perm, inside * sizeof *whole);
    const int good = analysed != NULL;
    cholmod_free_factor(&analysed, c);
    cholmod_free_sparse(&part, c);
    cholmod_free_sparse(&full, c);
    free(set);
    if (good) return whole;
    free(whole);
    return NULL;
}

/* symmetric pattern by rows, the border's unknowns last; NULL if there is no memory */
Cholesky *cholesky_new(int32_t size, int32_t border, const int32_t *starts, const int32_t *columns)
{
    Cholesky *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    cholmod_common *c = &self->common;
    cholmod_start(c);
    c->print = 0;
    self->size = size;
    self->border = border;
    self->corner = calloc((size_t)border * border + 1, sizeof *self->corner);
    self->shift = calloc((size_t)border + 1, sizeof *self->shift);
    self->matrix = cholmod_allocate_sparse(size, size, starts[size], 1, 1, 1, KIND, c);
    self->right = cholmod_zeros(size, 1, KIND, c);
    if (self->matrix && self->right && self->corner) {
        memcpy(self->matrix->p, starts, (size + 1) * sizeof *starts);
        memcpy(self->matrix->i, columns, starts[size] * sizeof *columns);
        int32_t *permutation = order(self);
        if (permutation) {
            c->method[0].ordering = CHOLMOD_GIVEN;
            c->postorder = 0;
            self->factor = cholmod_analyze_p(self->matrix, permutation, NULL, 0, c);
            free(permutation);
        }
    }
    if (self->factor) return self;
    cholesky_free(self);
    return NULL;
}

/* copies L of the border out of a factor that is read column by column */
static int find_corner(Cholesky *self)
{
    cholmod_common *c = &self->common;
    const int32_t inside = self->size - self->border, n = self->border;
    cholmod_factor *plain = cholmod_copy_factor(self->factor, c);
    if (!plain || !cholmod_change_factor(KIND, 1, 0, 1, 1, plain, c)) {
        cholmod_free_factor(&plain, c);
        return 1;
    }
    const int32_t *starts = plain->p, *rows = plain->i;
    const real *x = plain->x;
    memset(self->corner, 0, (size_t)n * n * sizeof *self->corner);
    for (int32_t j = 0; j < n; j++)
        for (int32_t k = starts[inside + j]; k < starts[inside + j + 1]; k++)
            self->corner[(size_t)n * j + rows[k] - inside] = x[k];
    cholmod_free_factor(&plain, c);
    return 0;
}

/* factors the matrix with these entries; schur (border, border): what the inside leaves of it for
   the border. 0 if it is positive definite and there is memory */
int cholesky_factor(Cholesky *self, const double *values, double *schur)
{
    cholmod_common *c = &self->common;
    const int32_t inside = self->size - self->border, n = self->border;
    const int32_t *starts = self->matrix->p, *columns = self->matrix->i;
    real *x = self->matrix->x;
    for (int32_t k = 0; k < starts[self->size]; k++) x[k] = (real)values[k];
    for (int32_t r = inside; r < self->size; r++)
        for (int32_t k = starts[r]; k < starts[r + 1]; k++)
            if (columns[k] == r) { self->shift[r - inside] = x[k]; x[k] *= 2; }
    if (!cholmod_factorize(self->matrix, self->factor, c)) return 1;
    if (c->status != CHOLMOD_OK || self->factor->minor < self->factor->n) return 1;
    if (n == 0) return 0;
    if (find_corner(self)) return 1;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (int32_t k = 0; k <= j; k++)
                sum += self->corner[(size_t)n * k + i] * self->corner[(size_t)n * k + j];
            if (i == j) sum -= self->shift[i];
            schur[(size_t)n * i + j] = schur[(size_t)n * j + i] = sum;
        }
    return 0;
}

static int substitute(Cholesky *self, int system)
{
    return !cholmod_solve2(system, self->factor, self->right, NULL, &self->found, NULL, &self->y,
                           &self->e, &self->common);
}

/* forward substitution of b; left (border): −A_ΓI A_II⁻¹ b_I */
int cholesky_forward(Cholesky *self, const double *b, double *left)
{
    const int32_t inside = self->size - self->border, n = self->border;
    const int32_t *permutation = self->factor->Perm;
    real *right = self->right->x;
    for (int32_t i = 0; i < inside; i++) right[i] = (real)b[permutation[i]];
    memset(right + inside, 0, n * sizeof *right);
    if (substitute(self, CHOLMOD_L)) return 1;
    const real *z = (real *)self->found->x + inside;
    memset(left, 0, n * sizeof *left);
    for (int32_t k = 0; k < n; k++)
        for (int32_t i = k; i < n; i++) left[i] += self->corner[(size_t)n * k + i] * z[k];
    return 0;
}

/* backward substitution with the border's values known: x */
int cholesky_backward(Cholesky *self, const double *known, double *x)
{
    const int32_t inside = self->size - self->border, n = self->border;
    const int32_t *permutation = self->factor->Perm;
    real *right = self->right->x;
    memcpy(right, self->found->x, inside * sizeof *right);
    for (int32_t k = 0; k < n; k++) {
        double sum = 0.0;
        for (int32_t i = k; i < n; i++) sum += self->corner[(size_t)n * k + i] * known[i];
        right[inside + k] = (real)sum;
    }
    if (substitute(self, CHOLMOD_Lt)) return 1;
    const real *found = self->found->x;
    for (int32_t i = 0; i < self->size; i++) x[permutation[i]] = found[i];
    return 0;
}
