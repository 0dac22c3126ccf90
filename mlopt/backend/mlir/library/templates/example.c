/* Runs $name on made-up numbers, checks some of the results against a reference in float64, and prints the
 * median time of a call.
 *
$build_comment
 *
 * Exit code 0 when the results are right, 1 when they are wrong.
 */
#define _POSIX_C_SOURCE 200112L /* for setenv */
#include "$name.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void *allocate_array(size_t count, size_t size) {
    void *memory = aligned_alloc(64, (count * size + 63) / 64 * 64);
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return memset(memory, 0xFF, count * size); /* so that what stays unwritten is wrong */
}

static uint32_t draw_bits(uint32_t array, size_t i) {
    uint32_t x = (uint32_t)i * 2654435761u + array + 1;
    x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
    x = (x ^ (x >> 13)) * 0xC2B2AE35u;
    return x ^ (x >> 16);
}

/* From -1 up to 1. */
static inline double draw_real(uint32_t array, size_t i) { return (double)(draw_bits(array, i) >> 8) / 8388608.0 - 1.0; }

/* From -2 to 2. */
static inline int draw_whole(uint32_t array, size_t i) { return (int)(draw_bits(array, i) % 5) - 2; }

/* Of numbers that are exact in bfloat16, the upper half of a float. */
static inline uint16_t narrow_to_bfloat16(double number) {
    float value = (float)number;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static inline double widen_bfloat16(uint16_t number) {
    uint32_t bits = (uint32_t)number << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Of numbers that are exact in float16: as a float, 2^-112 times the number has the same bits, 13 places further up. */
static inline uint16_t narrow_to_float16(double number) {
    float value = (float)(fabs(number) * 0x1p-112);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 13 | (number < 0 ? 0x8000u : 0u));
}

static inline double widen_float16(uint16_t number) {
    uint32_t bits = (number & 0x7FFFu) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (number >> 15 ? -0x1p112 : 0x1p112) * (double)value;
}

static int check_element(double value, double expected, double tolerance) {
    if (fabs(value - expected) <= tolerance || value == expected || (isnan(value) && isnan(expected))) return 0;
    fprintf(stderr, "wrong: %.9g instead of %.9g\n", value, expected);
    return 1;
}

static double time_now(void) {
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int order(const void *first, const void *second) {
    double a = *(const double *)first, b = *(const double *)second;
    return (a > b) - (a < b);
}

$arrays

static void call_once(void) { $call; }

int main(void) {
    setenv("OMP_PROC_BIND", "true", 0); /* as in the study: each thread stays on a core of its own */
#ifdef __GLIBC__ /* keep the memory of temporaries from call to call, instead of asking the system for it each time */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
    $made

    static double samples[1000];
    int count = 0;
    call_once(); /* it starts the threads, where there are some */
    for (double end = time_now() + 0.5; count < 3 || (count < 1000 && time_now() < end); count++) {
        double start = time_now();
        call_once();
        samples[count] = time_now() - start;
    }
    qsort(samples, (size_t)count, sizeof *samples, order);

    int wrong = 0;
    $checks
    printf("%s, %.9f s a call\n", wrong ? "wrong" : "right", samples[count / 2]);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
