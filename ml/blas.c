/* One lock around all calls into OpenBLAS. They are few and short: lanes that train networks at the
 * same time wait for each other, all else does not come here.
 */
#include "ml/blas.h"

#include <lapacke.h>
#include <pthread.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

void blas_sgemm(enum CBLAS_TRANSPOSE of_a, enum CBLAS_TRANSPOSE of_b, int m, int n, int k,
                float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c,
                int ldc)
{
    pthread_mutex_lock(&one);
    cblas_sgemm(CblasRowMajor, of_a, of_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    pthread_mutex_unlock(&one);
}

void blas_sgemv(enum CBLAS_TRANSPOSE of_a, int m, int n, float alpha, const float *a, int lda,
                const float *x, int incx, float beta, float *y, int incy)
{
    pthread_mutex_lock(&one);
    cblas_sgemv(CblasRowMajor, of_a, m, n, alpha, a, lda, x, incx, beta, y, incy);
    pthread_mutex_unlock(&one);
}

int blas_dsyevd(char jobz, char uplo, int n, double *a, int lda, double *w)
{
    pthread_mutex_lock(&one);
    int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, jobz, uplo, n, a, lda, w);
    pthread_mutex_unlock(&one);
    return info;
}

int blas_dppsv(char uplo, int n, int nrhs, double *ap, double *b, int ldb)
{
    pthread_mutex_lock(&one);
    int info = LAPACKE_dppsv(LAPACK_COL_MAJOR, uplo, n, nrhs, ap, b, ldb);
    pthread_mutex_unlock(&one);
    return info;
}
