/* BLAS and LAPACK, row-major, for any thread: one call at a time, since Debian's serial OpenBLAS
 * gives out its buffers without a lock, so that two calls at once spoil each other's numbers. */
#ifndef KLAMM_ML_BLAS_H
#define KLAMM_ML_BLAS_H

#include <cblas.h>

/* c <- alpha op(a) op(b) + beta c; op(a): m x k, op(b): k x n. */
void blas_sgemm(enum CBLAS_TRANSPOSE of_a, enum CBLAS_TRANSPOSE of_b, int m, int n, int k,
                float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c,
                int ldc);
/* y <- alpha op(a) x + beta y; a: m x n. */
void blas_sgemv(enum CBLAS_TRANSPOSE of_a, int m, int n, float alpha, const float *a, int lda,
                const float *x, int incx, float beta, float *y, int incy);
/* LAPACK's DSYEVD and DPPSV, column-major; their info. */
int blas_dsyevd(char jobz, char uplo, int n, double *a, int lda, double *w);
int blas_dppsv(char uplo, int n, int nrhs, double *ap, double *b, int ldb);

#endif
